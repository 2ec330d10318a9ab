fn main() {
    println!("orchestration");
}
