//! The documentation's Helm command is one that Helm and the chart take, and does what the text around it describes.

use std::{collections::BTreeSet, path::Path};

use devkit::{helm::Helm, paths};
use serde_json::Value;

use crate::text;

/// The arguments of each `helm install` of a document, as a shell would give them.
fn helm_installs(document: &str) -> Vec<Vec<String>> {
    let text = text::read(document).replace("\\\n", " ");
    let lines = text.lines().filter(|line| line.starts_with("helm install "));
    // Quoted parts of these commands hold no spaces: without their quotes they are what the shell makes of them.
    let words = |line: &str| line.split_whitespace().skip(2).map(|word| word.replace('"', "")).collect();
    lines.map(words).collect()
}

#[tokio::test]
async fn helm_and_the_chart_take_every_command_of_the_documentation() {
    let (helm, mut found) = (Helm::offline().await.unwrap(), 0);
    for document in ["README.md", "docs/install.md", "examples/teams/README.md"] {
        for command in helm_installs(document) {
            let arguments: Vec<&str> = ["template"].into_iter().chain(command.iter().map(String::as_str)).collect();
            helm.ok(&arguments).await.unwrap_or_else(|error| panic!("{document}: {error}"));
            found += 1;
        }
    }
    assert!(found >= 5, "{found}");
}

#[tokio::test]
async fn the_helm_command_of_the_readme_and_of_the_guide_installs_an_observing_operator_with_a_role() {
    let command = helm_installs("README.md").remove(0);
    assert_eq!(command, helm_installs("docs/install.md")[0]);
    let helm = Helm::offline().await.unwrap();
    let arguments: Vec<&str> = ["template"].into_iter().chain(command.iter().map(String::as_str)).collect();
    let manifests = helm.ok(&arguments).await.unwrap();
    let documents: Vec<Value> = serde_saphyr::from_multiple(&manifests).unwrap();
    let find = |kind: &str| documents.iter().find(|document| document["kind"] == kind).unwrap();

    let account = find("ServiceAccount");
    let role = "arn:aws:iam::111122223333:role/codeguru-profiler-operator";
    assert_eq!(account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"], role);
    assert_eq!(account["metadata"]["name"], devkit::operator::NAME);
    assert_eq!(account["metadata"]["namespace"], devkit::operator::NAMESPACE);
    let container = &find("Deployment")["spec"]["template"]["spec"]["containers"][0];
    assert!(container["image"].as_str().unwrap().starts_with("REGISTRY/codeguru-profiler-operator:"));
    let arguments = container["args"].to_string();
    for flag in ["--region=eu-west-1", "--observe-only"] {
        assert!(arguments.contains(flag), "{flag}: {arguments}");
    }
    find("CustomResourceDefinition");
}

/// The blocks of YAML of a document.
fn yaml_blocks(document: &str) -> Vec<String> {
    let text = text::read(document);
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("```"));
    blocks.map(|(block, _)| block.to_owned()).collect()
}

#[tokio::test]
async fn the_values_in_the_guides_are_taken_by_the_chart_and_every_file_they_name_is_mounted() {
    let helm = Helm::offline().await.unwrap();
    let blocks = [yaml_blocks("docs/install.md"), yaml_blocks("docs/networking.md")].concat();
    for block in &blocks {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), block).unwrap();
        let arguments = ["--values", file.path().to_str().unwrap(), "--show-only", "templates/deployment.yaml"];
        let rendered = helm.template("x", devkit::operator::NAMESPACE, &arguments).await.unwrap();
        let deployment: Value = serde_saphyr::from_str(&rendered).unwrap();
        let pod = &deployment["spec"]["template"]["spec"];
        let members = |list: &Value, member: &str| -> Vec<String> {
            list.as_array().unwrap().iter().filter_map(|item| Some(item[member].as_str()?.to_owned())).collect()
        };
        let mounts = &pod["containers"][0]["volumeMounts"];
        assert_eq!(members(mounts, "name"), members(&pod["volumes"], "name"), "{block}");
        let (directories, values) = (members(mounts, "mountPath"), members(&pod["containers"][0]["env"], "value"));
        assert!(!values.is_empty(), "{block}");
        for path in values.iter().filter(|value| value.starts_with('/')) {
            assert!(directories.iter().any(|directory| Path::new(path).starts_with(directory)), "{path} in {block}");
        }
    }
    assert_eq!(blocks.len(), 3);
}

/// What the commands of a document give to kubectl by a flag.
fn given_to_kubectl(document: &str, flag: &str) -> BTreeSet<String> {
    let text = text::read(document).replace(['`', ',', ';'], " ");
    let commands = text.lines().filter_map(|line| Some(line.split_once("kubectl ")?.1));
    let words: Vec<_> = commands.map(|command| command.split_whitespace().collect::<Vec<_>>()).collect();
    let pairs = words.iter().flat_map(|words| words.windows(2)).filter(|pair| pair[0] == flag);
    pairs.map(|pair| pair[1].trim_end_matches('/').to_owned()).collect()
}

fn is_kustomization(path: &Path) -> bool {
    path.join("kustomization.yaml").is_file()
}

/// `kubectl delete -f crds` once deleted the CRD and then failed: a kustomization is no object.
#[test]
fn kubectl_gets_a_kustomization_by_k_and_anything_else_by_f() {
    let mut found = 0;
    for document in ["README.md", "docs/install.md", "examples/teams/README.md"] {
        for path in given_to_kubectl(document, "-k") {
            assert!(is_kustomization(&paths::workspace().join(&path)), "{document}: -k {path}");
            found += 1;
        }
        for path in given_to_kubectl(document, "-f") {
            let whole = paths::workspace().join(&path);
            assert!(whole.exists() && !is_kustomization(&whole), "{document}: -f {path}");
            found += 1;
        }
    }
    assert!(found >= 6, "{found}");
}
