# The reference stack. That its files fit together is seen on any private engine; that it can be built and started is
# seen in a sandbox (BILGE_TEST_STACK_DIR), which takes long: ./check --stack does it.
STACK_ENGINE_TESTS = tests/stack/wiring.sh
TESTS += $(STACK_ENGINE_TESTS)
STACK_TESTS = tests/stack/build.sh tests/stack/ci.sh tests/stack/registry.sh tests/stack/platform.sh \
	tests/stack/sccache.sh tests/stack/lint.sh tests/stack/fallback.sh
EXTRA_DIST += $(STACK_ENGINE_TESTS) $(STACK_TESTS) tests/stack/tap.sh tests/stack/lib.sh \
	tests/stack/README.md tests/stack/sandbox tests/stack/sandbox-images.sh tests/stack/sandbox-tools.sh \
	tests/stack/versions tests/stack/network.yml \
	tests/stack/images/rust.Dockerfile tests/stack/images/ruby.Dockerfile \
	tests/stack/images/postgres.Dockerfile tests/stack/images/postgres-entrypoint \
	tests/stack/images/tools.Dockerfile
