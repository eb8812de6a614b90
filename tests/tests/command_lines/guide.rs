//! The README's commands, as a stranger copies them.

use serde_json::Value;

use crate::operator::{ACCOUNT, EMAIL, Operator, POOL_PROJECT, has_gcloud, print};
use crate::pod::Cluster;
use crate::setup;

const README: &str = include_str!("../../../README.md");

/// Returns the code blocks of a language, without their indentation.
fn blocks(markdown: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}");
    let mut blocks = Vec::new();
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        let Some(indent) = line.strip_suffix(&start).filter(|indent| indent.trim().is_empty()) else {
            continue;
        };
        let block = lines.by_ref().take_while(|line| !line.trim_start().starts_with("```"));
        blocks
            .push(block.map(|line| line.get(indent.len()..).unwrap_or_default().to_owned() + "\n").collect());
    }
    blocks
}

/// Runs every block of the README with commands of gcloud or aws, then its Deployment.
pub(crate) async fn readme_leads_to_rows() -> Operator {
    let operator = Operator::start("readme", &[EMAIL]).await;
    // What the README expects to exist: the cluster's issuer in IAM, and the role.
    let script = print(&setup::command("aws-role", true)).await;
    let (aws, _) = script.split_once("\n# Google").unwrap();
    operator.run(aws).await;
    if !has_gcloud() {
        return operator;
    }
    assert!(README.contains(&format!("--account-id {ACCOUNT}")) && README.contains(POOL_PROJECT.1));
    let is_cloud = |block: &String| block.contains("gcloud ") || block.contains("aws iam");
    let commands: Vec<_> = blocks(README, "sh").into_iter().filter(is_cloud).collect();
    assert!(commands.len() >= 2, "{commands:?}");
    for block in commands {
        operator.run(&block).await;
    }
    let manifest =
        blocks(README, "yaml").into_iter().find(|block| block.contains("kind: Deployment")).unwrap();
    let (account, deployment) = manifest.split_once("\n---\n").unwrap();
    let parse = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap();
    let annotations = &parse(account)["metadata"]["annotations"];
    let cluster = Cluster::start(&operator, annotations).await;
    cluster.reads_rows(&operator, &parse(deployment)).await;
    assert_eq!(setup::principal_of_rows(&operator), format!("serviceAccount:{EMAIL}"));
    operator
}
