//! The chart for the README: some figures as bars, and those that grow with the work as lines.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::bench::{HINIT, NO_OP, PID_CHECK, TINY, YARDSTICK};
use crate::csv::{Figures, amount};
use crate::floor::FLOOR;
use crate::http::{BUSYBOX, CURL};
use crate::program::Result;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const SIZE: (u32, u32) = (880, 1044);
const ROWS: usize = 6;
const COLUMNS: usize = 2;

/// The chart has a background, so that it is readable on light and on dark pages.
const PAPER: RGBColor = WHITE;
const INK: RGBColor = RGBColor(0x24, 0x29, 0x2f);
const GRID: RGBColor = RGBColor(0xd8, 0xde, 0xe4);

/// Above the panels.
const HEAD: u32 = 36;
const HEADING: &str = "hinit, its tiny build and its peers: the shorter, the better";

const TITLE: (&str, i32) = ("sans-serif", 15);
const LABEL: (&str, i32) = ("sans-serif", 12);

const INITS: [&str; 6] = [HINIT, TINY, YARDSTICK, "tini", "dumb-init", "catatonit"];
const CHECKS: [&str; 5] = [HINIT, TINY, FLOOR, PID_CHECK, NO_OP];
const OVER_PARENT: [&str; 3] = [HINIT, TINY, FLOOR];
const CLIENTS: [&str; 4] = [HINIT, TINY, BUSYBOX, CURL];

/// Title, figure, programs.
type Bars = (&'static str, &'static str, &'static [&'static str]);

const BARS: [Bars; 10] = [
    (
        "What a launch takes longer by an init",
        "launch: extra time",
        &INITS,
    ),
    (
        "SIGTERMs lost in the first 2 ms of a PID 1",
        "early SIGTERM as PID 1: lost (95 % interval)",
        &INITS,
    ),
    ("Memory of the idle PID 1 (PSS)", "idle: PSS", &INITS),
    (
        "Signals lost at full speed",
        "signals at full speed as PID 1: lost of those taken",
        &INITS,
    ),
    ("Size of the binary", "file: size", &INITS),
    (
        "CPU time to reap one of 100,000 orphans",
        "orphans reaped by one: CPU time for one of 100000",
        &INITS,
    ),
    (
        "Memory of 1,000 idle inits together (PSS)",
        "idle inits: PSS of 1000",
        &INITS,
    ),
    (
        "What a launch takes longer than by a bare parent",
        "launch with the PID file on disk: extra time over a bare parent's",
        &OVER_PARENT,
    ),
    (
        "A health check, next to a program that does nothing",
        "health check: time",
        &CHECKS,
    ),
    ("A health check over HTTP", "http: time", &CLIENTS),
];

/// Title, prefix of the figures' names, label of the steps.
const LINES: [(&str, &str, &str); 2] = [
    (
        "Memory of many idle inits together (PSS, KB)",
        "idle inits: PSS of",
        "inits",
    ),
    (
        "CPU time to reap many orphans (µs)",
        "orphans reaped by one: CPU time for",
        "orphans",
    ),
];

/// The same figures give the same text.
pub(crate) fn draw(figures: &Figures) -> Result<String> {
    let mut svg = String::new();
    {
        let paper = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        paper.fill(&PAPER)?;
        let (head, paper) = paper.split_vertically(HEAD);
        let middle = text(TITLE, HPos::Center, VPos::Center);
        let head_centre = (width(&head) / 2, HEAD.cast_signed() / 2);
        head.draw(&Text::new(HEADING, head_centre, middle))?;
        let panels = paper.split_evenly((ROWS, COLUMNS));
        let panels: Vec<Area> = panels
            .iter()
            .map(|panel| panel.margin(12, 4, 14, 10))
            .collect();
        let (for_bars, for_lines) = panels.split_at(BARS.len());
        for (panel, (title, figure, programs)) in for_bars.iter().zip(BARS) {
            bars(panel, title, figure, programs, figures)?;
        }
        for (panel, (title, kind, of)) in for_lines.iter().zip(LINES) {
            lines(panel, title, kind, of, figures)?;
        }
        paper.present()?;
    }
    Ok(svg + "\n")
}

fn bars(
    panel: &Area,
    title: &str,
    figure: &str,
    programs: &[&str],
    figures: &Figures,
) -> Result<()> {
    const HEIGHT: i32 = 21;
    const THICKNESS: i32 = 13;
    const LEFT: i32 = 86;
    const RIGHT: i32 = 84;
    panel.draw(&Text::new(
        title,
        (0, 0),
        text(TITLE, HPos::Left, VPos::Top),
    ))?;
    let cells = programs
        .iter()
        .filter_map(|program| Some((program, figures.get(figure, program)?)));
    let cells: Vec<_> = cells.collect();
    let max = cells
        .iter()
        .map(|(_, record)| record.number())
        .fold(f64::MIN_POSITIVE, f64::max);
    let room = f64::from(width(panel) - LEFT - RIGHT);
    let mut y = 32;
    for (program, record) in cells {
        let end = LEFT + (record.number() / max * room).round() as i32;
        let (top, bottom) = (y - THICKNESS / 2, y + THICKNESS / 2);
        // A bar of zero length still shows as a line.
        let bar = [(LEFT, top), (end.max(LEFT + 1), bottom)];
        panel.draw(&Rectangle::new(bar, colour(program).filled()))?;
        panel.draw(&Text::new(
            *program,
            (LEFT - 6, y),
            text(LABEL, HPos::Right, VPos::Center),
        ))?;
        let value = format!("{} {}", amount(record.number()), record.unit);
        panel.draw(&Text::new(
            value.trim(),
            (end + 6, y),
            text(LABEL, HPos::Left, VPos::Center),
        ))?;
        y += HEIGHT;
    }
    Ok(())
}

/// Both scales are logarithmic.
fn lines(panel: &Area, title: &str, kind: &str, of: &str, figures: &Figures) -> Result<()> {
    panel.draw(&Text::new(
        title,
        (0, 0),
        text(TITLE, HPos::Left, VPos::Top),
    ))?;
    let all: Vec<_> = INITS
        .iter()
        .map(|program| (program, figures.steps(kind, program)))
        .collect();
    let points = || all.iter().flat_map(|(_, steps)| steps);
    let Some((across, up)) = range(points().map(|(x, _)| *x)).zip(range(points().map(|(_, y)| *y)))
    else {
        return Ok(());
    };
    let mut chart = ChartBuilder::on(panel)
        .margin_top(22)
        .margin_right(12)
        .x_label_area_size(34)
        .y_label_area_size(64)
        .build_cartesian_2d(across.log_scale(), up.log_scale())?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(text(LABEL, HPos::Left, VPos::Top))
        .axis_desc_style(text(LABEL, HPos::Left, VPos::Top))
        .x_desc(of)
        .x_labels(6)
        .y_labels(5)
        .x_label_formatter(&|x| amount(*x))
        .y_label_formatter(&|y| amount(*y))
        .draw()?;
    // hinit's lines are drawn last, so that nothing hides them.
    for (program, steps) in all.into_iter().rev() {
        chart.draw_series(LineSeries::new(steps, colour(program).stroke_width(2)))?;
    }
    Ok(())
}

/// The range from the power of ten below all values to the one above; None if there are no values.
fn range(values: impl Iterator<Item = f64>) -> Option<Range<f64>> {
    let exponents = values.filter(|value| *value > 0.0).map(f64::log10);
    let bounds = exponents.map(|exponent| (exponent.floor(), exponent.ceil()));
    let (low, high) = bounds.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))?;
    Some(10_f64.powf(low)..10_f64.powf(high))
}

fn text(
    (family, size): (&'static str, i32),
    horizontal: HPos,
    vertical: VPos,
) -> TextStyle<'static> {
    let style = (family, size).into_font().color(&INK);
    style.pos(Pos::new(horizontal, vertical))
}

fn width(panel: &Area) -> i32 {
    panel.dim_in_pixel().0.cast_signed()
}

fn colour(program: &str) -> RGBColor {
    match program {
        HINIT => RGBColor(0x09, 0x69, 0xda),
        TINY => RGBColor(0x1a, 0x7f, 0x37),
        YARDSTICK => RGBColor(0xe1, 0x6f, 0x24),
        "tini" => RGBColor(0xbf, 0x87, 0x00),
        "dumb-init" => RGBColor(0x82, 0x50, 0xdf),
        "catatonit" => RGBColor(0xbf, 0x39, 0x89),
        _ => RGBColor(0x8c, 0x95, 0x9f),
    }
}
