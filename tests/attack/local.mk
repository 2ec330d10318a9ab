# Attacks on the program: faults, kills and disturbances at every system call.
# A sample runs with all tests; `make check-long` runs everything.
ATTACK_TESTS = tests/attack/faults.py tests/attack/meanwhile.py tests/attack/races.py
EXTRA_DIST += $(ATTACK_TESTS) tests/attack/attack.py tests/attack/faults.c tests/attack/long.sh tests/attack/saboteur.py \
	tests/attack/world.py

if HAVE_PYTHON3
TESTS += $(ATTACK_TESTS)
endif

# Loaded into the program before libc (LD_PRELOAD), so it is no library of ours.
check_DATA = tests/attack/faults.so
CLEANFILES += tests/attack/faults.so
tests/attack/faults.so: $(top_srcdir)/tests/attack/faults.c config.h
	$(AM_V_CC)$(MKDIR_P) tests/attack && \
	$(CC) -D_GNU_SOURCE $(PROJECT_CFLAGS) $(CFLAGS) -fPIC -shared -o $@ $(top_srcdir)/tests/attack/faults.c -ldl

.PHONY: check-long
check-long: all $(check_DATA) tests/support/fake-engine$(EXEEXT)
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(top_srcdir)/tests/attack/long.sh check-long
