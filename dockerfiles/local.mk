dist_doc_DATA += dockerfiles/orchestration.test.Dockerfile dockerfiles/orchestration.test-local.Dockerfile \
	dockerfiles/rust-worker.test.Dockerfile dockerfiles/rust-worker.test-local.Dockerfile \
	dockerfiles/ruby-worker.test.Dockerfile dockerfiles/ruby-worker.test-local.Dockerfile
