UNIT_BASE = tests/unit/test_clock tests/unit/test_err tests/unit/test_fs \
	tests/unit/test_fs_remove \
	tests/unit/test_lines tests/unit/test_mem tests/unit/test_process tests/unit/test_process_capture \
	tests/unit/test_text
check_PROGRAMS += $(UNIT_BASE)
TESTS += $(UNIT_BASE)
tests_unit_test_clock_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_clock_LDADD = $(UNIT_LDADD)
tests_unit_test_err_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_err_LDADD = $(UNIT_LDADD)
tests_unit_test_fs_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_fs_LDADD = $(UNIT_LDADD)
tests_unit_test_fs_remove_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_fs_remove_LDADD = $(UNIT_LDADD)
tests_unit_test_lines_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_lines_LDADD = $(UNIT_LDADD)
tests_unit_test_mem_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_mem_LDADD = $(UNIT_LDADD)
tests_unit_test_process_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_process_LDADD = $(UNIT_LDADD)
tests_unit_test_process_capture_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_process_capture_LDADD = $(UNIT_LDADD)
tests_unit_test_text_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_text_LDADD = $(UNIT_LDADD)
