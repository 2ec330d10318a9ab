# The reference stack, built for real. Long: ./check --stack runs it.
EXTRA_DIST += tests/stack/README.md tests/stack/sandbox tests/stack/sandbox-images.sh tests/stack/sandbox-tools.sh \
	tests/stack/versions tests/stack/network.yml \
	tests/stack/images/rust.Dockerfile tests/stack/images/ruby.Dockerfile \
	tests/stack/images/postgres.Dockerfile tests/stack/images/postgres-entrypoint \
	tests/stack/images/tools.Dockerfile
