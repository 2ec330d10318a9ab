fn main() {
    // sqlx::migrate! reads the folder while it compiles; Cargo would not see a new file in it.
    println!("cargo:rerun-if-changed=../migrations");
}
