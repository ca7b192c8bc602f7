//! Prints the definitions.
fn main() {
    for d in portcullis_crds::Definition::all() {
        println!("---\n{}", portcullis_crds::yaml::to_yaml(d.crd()));
    }
}
