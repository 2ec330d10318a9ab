/* A test program that hangs must not hold up the suite. */
#ifndef BILGE_TESTS_SUPPORT_LIMIT_H
#define BILGE_TESTS_SUPPORT_LIMIT_H

/* Ends the whole program, with a line that TAP understands, when it is still
 * there after so many seconds. BILGE_TEST_SLOW=N (valgrind, slow machines)
 * multiplies this and all other limits of the tests. */
void limit_program(unsigned seconds);

/* A time in milliseconds, multiplied as above. */
unsigned limit_ms(unsigned milliseconds);

#endif
