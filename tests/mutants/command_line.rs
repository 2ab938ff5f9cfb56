//! The command line, and the variables that stand for it.

use super::Mutant;

mutants! {
    a_help_text_is_a_verdict: "cli/invocation.rs" {
        "if general.count(&options::HELP) > 0 {" => "if false {"
    } fails "variables::no_mistake_in_a_variable_makes_a_container_healthy";

    the_last_one_counts: "cli/invocation.rs" {
        "&& !self.topic.clusters" => "&& self.topic.clusters"
    } fails "variables::no_mistake_in_a_variable_makes_a_container_healthy";

    what_has_no_effect_is_let_pass: "cli/invocation/effect.rs" {
        "options.count(option) > 0 && !self.is_given(one)" => "false && !self.is_given(one)"
    } fails "variables::no_mistake_in_a_variable_makes_a_container_healthy";

    a_variable_for_another_probe_is_refused: "cli/healthcheck.rs" {
        "&& invocation.is_given(&options::HTTP)" => ""
    } fails "variables::what_an_image_sets_for_one_probe_breaks_no_other";

    other_inits_have_hinits_variables: "main.rs" {
        "if named_after_hinit && options.profile == InitProfile::OWN {" => "if named_after_hinit {"
    } fails "variables::another_init_warns_of_none";

    a_service_of_kubernetes_is_a_typo: "cli/variables.rs" {
        "let is_of_service = has(b\"_PORT\") ||" => "let is_of_service ="
    } fails "variables::subreaper::what_no_command_knows_is_one_warning";

    a_failure_goes_unsaid_too: "run/main_loop.rs" {
        "if code == 0 && self.options.quiet_success" => "if self.options.quiet_success"
    } fails "variables::pid_1::a_success_can_go_unsaid";
}
