/* When a disk counts as full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/threshold.h"
#include "tests/support/limit.h"

#define GB INT64_C(1000000000)

static void levels_are_percentages_or_sizes(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int percent;
        int64_t free_bytes;
    } cases[] = {
        {"85%", true, 85, 0},       {"1%", true, 1, 0},
        {"100%", true, 100, 0},     {"85 %", true, 85, 0},
        {"10GB", true, 0, 10 * GB}, {"1.5 GB", true, 0, GB * 3 / 2},
        {"1234B", true, 0, 1234},   {"0%", false, 0, 0},
        {"101%", false, 0, 0},      {"%", false, 0, 0},
        {"-5%", false, 0, 0},       {"85%%", false, 0, 0},
        {"8.5%", false, 0, 0},      {"0", false, 0, 0},
        {"0GB", false, 0, 0},       {"", false, 0, 0},
        {"much", false, 0, 0},      {"99999999999999999999%", false, 0, 0},
        {"85% ", false, 0, 0},      {"85", false, 0, 0},
        {"10", false, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct threshold level = {7, 7};
        bool ok = threshold_parse(cases[i].text, &level);
        if (ok != cases[i].ok)
            fail_msg("\"%s\": %d", cases[i].text, ok);
        assert_int_equal(level.used_percent, ok ? cases[i].percent : 7);
        assert_true(level.free_bytes == (ok ? cases[i].free_bytes : 7));
    }
}

static void what_is_shown_is_what_counts(void **state)
{
    static const struct {
        struct threshold level;
        int64_t total, free_bytes;
        bool reached;
    } cases[] = {
        {{.used_percent = 85}, 1000, 160, false}, /* 84 % */
        {{.used_percent = 85}, 1000, 154, true},  /* 84.6 % is shown as 85 % */
        {{.used_percent = 85}, 1000, 150, true},
        {{.used_percent = 85}, 1000, 0, true},
        {{.used_percent = 100}, 1000, 6, false},
        {{.used_percent = 100}, 1000, 0, true},
        {{.free_bytes = 10 * GB}, 100 * GB, 10 * GB, false},
        {{.free_bytes = 10 * GB}, 100 * GB, 10 * GB - 1, true},
        {{.free_bytes = 10 * GB}, 5 * GB, 5 * GB, true}, /* a small disk always has less */
        {{.free_bytes = 10 * GB}, 0, 0, false},          /* of unknown size */
        {{.used_percent = 1}, 0, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (threshold_is_reached(&cases[i].level, cases[i].total, cases[i].free_bytes) !=
            cases[i].reached)
            fail_msg("case %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_percentages_or_sizes),
        cmocka_unit_test(what_is_shown_is_what_counts),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
