//! The table of a chart's values, made of the comments in `values.yaml`. Pure.

use std::fmt::Write;

use serde_json::Value;

/// The heading of the last section of the chart's README, which is the table.
const HEADING: &str = "## Values";

/// The README with the table of these values as its last section.
pub(crate) fn with_table(readme: &str, values: &str) -> Result<String, String> {
    let (before, _) = readme.split_once(HEADING).ok_or_else(|| format!("no section {HEADING}"))?;
    Ok(format!("{before}{HEADING}\n\n{}", table(values)?))
}

fn table(values: &str) -> Result<String, String> {
    let defaults: Value = serde_saphyr::from_str(values).map_err(|error| error.to_string())?;
    let mut table = "| Value | Default | What it is |\n|---|---|---|\n".to_owned();
    let (mut above, mut comment): (Vec<&str>, Option<&str>) = (Vec::new(), None);
    for line in values.lines() {
        let content = line.trim_start();
        let depth = (line.len() - content.len()) / 2;
        if let Some(text) = content.strip_prefix("# -- ") {
            comment = Some(text);
        } else if let Some((key, _)) = content.split_once(':').filter(|(key, _)| !key.starts_with(['#', '-'])) {
            above.truncate(depth);
            above.push(key);
            if let Some(text) = comment.take() {
                let default = defaults.pointer(&format!("/{}", above.join("/"))).unwrap_or(&Value::Null);
                let _ = writeln!(table, "| `{}` | `{default}` | {} |", above.join("."), text.replace('|', "\\|"));
            }
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_described_value_has_a_row_with_its_path_and_default() {
        let values = "# A remark\na:\n  # -- The first\n  b: \"\"\n  # -- The second | third\n  c:\n    d: [1]\n# -- The last\ne: null\n";
        let made = with_table("# Chart\n\n## Values\n\nold\n", values).unwrap();
        let rows = "| `a.b` | `\"\"` | The first |\n| `a.c` | `{\"d\":[1]}` | The second \\| third |\n| `e` | `null` | The last |\n";
        assert_eq!(made, format!("# Chart\n\n## Values\n\n| Value | Default | What it is |\n|---|---|---|\n{rows}"));
    }
}
