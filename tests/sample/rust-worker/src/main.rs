fn main() {
    println!("rust-worker");
}
