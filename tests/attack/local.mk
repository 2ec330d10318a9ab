# Attacks on the program: faults, kills and disturbances at every system call.
# They run by `make check-long` alone: some rounds still end with words or an exit
# status that are not quite true, though nothing is lost.
ATTACK_TESTS = tests/attack/faults.py tests/attack/meanwhile.py tests/attack/races.py
EXTRA_DIST += $(ATTACK_TESTS) tests/attack/attack.py tests/attack/faults.c tests/attack/long.sh tests/attack/saboteur.py \
	tests/attack/model.sh tests/attack/removal.pml tests/attack/service.pml tests/attack/world.py

# Loaded into the program before libc (LD_PRELOAD), so it is no library of ours.
check_DATA = tests/attack/faults.so
CLEANFILES += tests/attack/faults.so
tests/attack/faults.so: $(top_srcdir)/tests/attack/faults.c config.h
	$(AM_V_CC)$(MKDIR_P) tests/attack && \
	$(CC) -D_GNU_SOURCE $(PROJECT_CFLAGS) $(CFLAGS) -fPIC -shared -o $@ $(top_srcdir)/tests/attack/faults.c -ldl

.PHONY: check-long
check-long: all $(check_DATA) tests/support/fake-engine$(EXEEXT)
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(top_srcdir)/tests/attack/long.sh check-long
