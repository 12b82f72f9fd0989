//! The operator.
fn main() {
    print!("{}", codeguru_profiler_operator::api::crd_yaml());
}
