//! An image for two machines in one build, which needs containerd's image store.

use std::process::Command;

use crate::engine::{docker, root, stdout, unique};

#[test]
fn one_build_makes_the_image_for_both_machines() {
    let directory = std::env::temp_dir().join(format!("hinit-test-{}", unique()));
    for (platform, arch) in [("amd64", "x86_64"), ("arm64", "aarch64")] {
        let built = Command::new(root().join("docker/build"))
            .args(["--tiny", "--arch", arch])
            .output()
            .unwrap();
        assert!(built.status.success(), "{built:?}");
        let context = directory.join(platform);
        std::fs::create_dir_all(&context).unwrap();
        std::fs::copy(stdout(&built), context.join("hinit")).unwrap();
    }
    std::fs::write(
        directory.join("Dockerfile"),
        "FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH/hinit /hinit\nENTRYPOINT [\"/hinit\"]\n",
    )
    .unwrap();
    let tag = format!("hinit-test-{}", unique());
    let platforms = "--platform=linux/amd64,linux/arm64";
    let context = directory.to_str().unwrap();
    docker(["build", "--quiet", platforms, "--tag", &tag, context]);
    std::fs::remove_dir_all(&directory).unwrap();

    let version = docker(["run", "--rm", &tag, "--version"]);
    assert!(version.starts_with("hinit "), "{version}");
    for platform in ["linux/amd64", "linux/arm64"] {
        let inspect = ["image", "inspect", "--platform", platform];
        let format = ["--format", "{{.Os}}/{{.Architecture}}", &tag];
        assert_eq!(docker(inspect.iter().chain(&format)), platform);
    }
}
