UNIT_ENGINE = tests/unit/test_record \
	tests/unit/test_response \
	tests/unit/test_api \
	tests/unit/test_endpoint \
	tests/unit/test_http \
	tests/unit/test_engine \
	tests/unit/test_engine_prune \
	tests/unit/test_engine_refresh \
	tests/unit/test_builders
check_PROGRAMS += $(UNIT_ENGINE)
TESTS += $(UNIT_ENGINE)
EXTRA_DIST += tests/data/engine
tests_unit_test_record_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_record_LDADD = $(UNIT_LDADD)
tests_unit_test_response_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_response_LDADD = $(UNIT_LDADD)
tests_unit_test_api_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_api_LDADD = $(UNIT_LDADD)
tests_unit_test_endpoint_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_endpoint_LDADD = $(UNIT_LDADD)
tests_unit_test_http_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_http_LDADD = $(UNIT_LDADD)
ENGINE_KIT = tests/unit/engine_kit.c tests/unit/engine_kit.h
tests_unit_test_engine_SOURCES = tests/unit/test_engine.c $(ENGINE_KIT)
tests_unit_test_engine_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_engine_LDADD = $(UNIT_LDADD)
tests_unit_test_engine_prune_SOURCES = tests/unit/test_engine_prune.c $(ENGINE_KIT)
tests_unit_test_engine_prune_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_engine_prune_LDADD = $(UNIT_LDADD)
tests_unit_test_engine_refresh_SOURCES = tests/unit/test_engine_refresh.c $(ENGINE_KIT)
tests_unit_test_engine_refresh_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_engine_refresh_LDADD = $(UNIT_LDADD)
tests_unit_test_builders_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_builders_LDADD = $(UNIT_LDADD)
