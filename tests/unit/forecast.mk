UNIT_FORECAST = tests/unit/test_forecast
check_PROGRAMS += $(UNIT_FORECAST)
TESTS += $(UNIT_FORECAST)
tests_unit_test_forecast_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_forecast_LDADD = $(UNIT_LDADD)
