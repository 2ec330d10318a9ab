# Attacks on the program: faults, kills and disturbances at every system call; and the models of its protocol.
# A sample, always the same one, runs with all tests; `make check-long` runs everything.
ATTACK_TESTS = tests/attack/faults.py tests/attack/meanwhile.py tests/attack/races.py
MODEL_TESTS = tests/attack/model.sh
EXTRA_DIST += $(ATTACK_TESTS) $(MODEL_TESTS) tests/attack/attack.py tests/attack/faults.c tests/attack/long.sh \
	tests/attack/saboteur.py tests/attack/removal.pml tests/attack/service.pml tests/attack/world.py

if ATTACKS
TESTS += $(ATTACK_TESTS) $(MODEL_TESTS)
# Loaded into programs before libc (LD_PRELOAD), also into those of others: so it is no library of ours, and knows no
# sanitizer.
check_DATA = tests/attack/faults.so
endif

CLEANFILES += tests/attack/faults.so
tests/attack/faults.so: $(top_srcdir)/tests/attack/faults.c config.h
	$(AM_V_CC)$(MKDIR_P) tests/attack && \
	$(CC) -D_GNU_SOURCE -std=gnu11 -Wall -Wextra $(CFLAGS) -fPIC -shared -o $@ $(top_srcdir)/tests/attack/faults.c -ldl

.PHONY: check-long
check-long: all tests/attack/faults.so tests/support/fake-engine$(EXEEXT)
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(top_srcdir)/tests/attack/long.sh check-long
