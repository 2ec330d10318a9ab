puts "ruby-worker"
