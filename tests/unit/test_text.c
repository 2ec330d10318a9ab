#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <locale.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/text.h"
#include "tests/support/limit.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

static void test_size(void **state)
{
    static const struct {
        int64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {1, "1 B"},
        {999, "999 B"},
        {1000, "1.00 kB"},
        {1005, "1.00 kB"},
        {1006, "1.01 kB"},
        {9994, "9.99 kB"},
        {9995, "10.0 kB"},
        {99949, "99.9 kB"},
        {99950, "100 kB"},
        {999499, "999 kB"},
        {999500, "1.00 MB"},
        {1340000, "1.34 MB"},
        {13400000, "13.4 MB"},
        {134000000, "134 MB"},
        {999499999, "999 MB"},
        {999500000, "1.00 GB"},
        {INT64_C(5100000000), "5.10 GB"},
        {INT64_C(1500000000000), "1.50 TB"},
        {INT64_C(1500000000000000), "1.50 PB"},
        {INT64_MAX, "9.22 EB"},
        {-1, "-1 B"},
        {-1500, "-1.50 kB"},
        {INT64_MIN, "-9.22 EB"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        char out[TEXT_SIZE_SIZE];
        assert_ptr_equal(out, text_size(out, cases[i].bytes));
        assert_string_equal(out, cases[i].text);
    }
}

static void test_age(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {-5, "0 s"},        {0, "0 s"},           {59, "59 s"},
        {60, "1 m"},        {119, "1 m"},         {3599, "59 m"},
        {3600, "1 h"},      {86400, "24 h"},      {48 * 3600 - 1, "47 h"},
        {48 * 3600, "2 d"}, {34 * 86400, "34 d"}, {INT64_MAX, "106751991167300 d"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        char out[TEXT_AGE_SIZE];
        assert_ptr_equal(out, text_age(out, cases[i].seconds));
        assert_string_equal(out, cases[i].text);
    }
}

static void test_duration(void **state)
{
    static const struct {
        int64_t milliseconds;
        const char *text;
    } cases[] = {
        {-1, "0.0 s"},
        {0, "0.0 s"},
        {99, "0.0 s"},
        {100, "0.1 s"},
        {9999, "9.9 s"},
        {10000, "10 s"},
        {59999, "59 s"},
        {60000, "1 m 00 s"},
        {192000, "3 m 12 s"},
        {3599999, "59 m 59 s"},
        {3600000, "1 h 00 m"},
        {3900000, "1 h 05 m"},
        {INT64_C(360000000), "100 h 00 m"},
        {INT64_MAX, "2562047788015 h 12 m"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        char out[TEXT_AGE_SIZE];
        assert_ptr_equal(out, text_duration(out, cases[i].milliseconds));
        assert_string_equal(out, cases[i].text);
    }
}

static void test_parse_size(void **state)
{
    static const struct {
        const char *text;
        int64_t bytes; /* -1: refused */
    } cases[] = {
        {"0", -1},
        {"0B", 0},
        {"10", -1}, /* a unit is required */
        {"1.5", -1},
        {"1234b", 1234},
        {"1234 B", 1234},
        {"500MB", 500000000},
        {"500mb", 500000000},
        {"500M", 500000000},
        {"10GB", INT64_C(10000000000)},
        {"10 GB", INT64_C(10000000000)},
        {"2GiB", INT64_C(2147483648)},
        {"2gi", INT64_C(2147483648)},
        {"1KiB", 1024},
        {"1k", 1000},
        {"3T", INT64_C(3000000000000)},
        {"1PiB", INT64_C(1125899906842624)},
        {"1.5 GB", 1500000000},
        {"1.5KiB", 1536},
        {"0.5k", 500},
        {"0.1B", 0},
        {"9007199254740993B", INT64_C(9007199254740993)}, /* 2^53 + 1 */
        {"9223372036854775807B", INT64_MAX},
        {"8191PiB", INT64_C(8191) << 50},
        {"000000000000000000000000000001B", 1},
        {"9223372036854775808B", -1},
        {"8192PiB", -1},
        {"9223.4PB", -1},
        {"99999999999999999999B", -1},
        {"99999999999999999999PB", -1},
        {"", -1},
        {" ", -1},
        {" 1B", -1},
        {"1%", -1},
        {"1  GB", -1},
        {"1 ", -1},
        {"GB", -1},
        {"-1B", -1},
        {"+1B", -1},
        {".5B", -1},
        {"1.B", -1},
        {"1..5B", -1},
        {"1.5.5B", -1},
        {"1,5GB", -1},
        {"1e3", -1},
        {"0x10", -1},
        {"inf", -1},
        {"nan", -1},
        {"1X", -1},
        {"1iB", -1},
        {"1kBB", -1},
        {"1kib/s", -1},
        {"1GB ", -1},
        {"1EB", -1},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        int64_t bytes = -1;
        bool read = text_parse_size(cases[i].text, &bytes);
        if (bytes != cases[i].bytes || read != (cases[i].bytes >= 0))
            fail_msg("\"%s\": %lld", cases[i].text, (long long)bytes);
    }
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *size, *age;
    } cases[] = {
        {"10", "10 what? such as 10GB", "10 what? such as 10d"},
        {"1.5", "1.5 what? such as 1.5GB", "1.5 what? such as 1.5d"},
        {"0", "0 what? such as 10GB", "0 what? such as 10d"},
        {"1073741824", "1073741824 what? such as 10GB", "1073741824 what? such as 10d"},
        {"5x", "\"5x\" is not a size such as 500MB, 10GB, 2GiB",
         "\"5x\" is not an age such as 90s, 15m, 24h, 7d, 2w"},
        {"-1", "\"-1\" is not a size such as 500MB, 10GB, 2GiB",
         "\"-1\" is not an age such as 90s, 15m, 24h, 7d, 2w"},
        {"10%", "\"10%\" is not a size such as 500MB, 10GB, 2GiB",
         "\"10%\" is not an age such as 90s, 15m, 24h, 7d, 2w"},
        {"", "\"\" is not a size such as 500MB, 10GB, 2GiB",
         "\"\" is not an age such as 90s, 15m, 24h, 7d, 2w"},
        {"99999999999999999999", "\"99999999999999999999\" is not a size such as 500MB, 10GB, 2GiB",
         "\"99999999999999999999\" is not an age such as 90s, 15m, 24h, 7d, 2w"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        char *size = text_size_refusal(cases[i].text), *age = text_age_refusal(cases[i].text);
        assert_string_equal(cases[i].size, size);
        assert_string_equal(cases[i].age, age);
        free(size);
        free(age);
    }
}

static void test_parse_age(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: refused */
    } cases[] = {
        {"0s", 0},
        {"90s", 90},
        {"15m", 900},
        {"24h", 86400},
        {"7d", 604800},
        {"2w", 1209600},
        {"1h30m", 5400},
        {"1d1h1m1s", 90061},
        {"1m1h", 3660},
        {"007d", 604800},
        {"100000000000s", INT64_C(100000000000)},
        {"100000000001s", -1},
        {"999999999999w", -1},
        {"99999999999999999999s", -1},
        {"99999999999s99999999999s", -1},
        {"", -1},
        {"5", -1},
        {"1h30", -1},
        {"h", -1},
        {"-1h", -1},
        {"+1h", -1},
        {"1.5h", -1},
        {"1 h", -1},
        {" 1h", -1},
        {"1h ", -1},
        {"1M", -1},
        {"1y", -1},
        {"1ms", -1},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        int64_t seconds = -1;
        bool read = text_parse_age(cases[i].text, &seconds);
        if (seconds != cases[i].seconds || read != (cases[i].seconds >= 0))
            fail_msg("\"%s\": %lld", cases[i].text, (long long)seconds);
    }
}

static void test_clean(void **state)
{
    static const struct {
        const char *raw;
        size_t len; /* 0: up to the NUL */
        const char *shown;
    } cases[] = {
        {"", 0, ""},
        {"plain ~!", 0, "plain ~!"},
        {"back\\slash", 0, "back\\slash"},
        {"a\tb", 0, "a b"},
        {"a\nb\r", 0, "a\\x0ab\\x0d"},
        {"\033[31m", 0, "\\x1b[31m"},
        {"\033]0;title\a", 0, "\\x1b]0;title\\x07"},
        {"nul\0end", 7, "nul\\x00end"},
        {"\x7f", 0, "\\x7f"},
        {"über 漢字 🐳", 0, "über 漢字 🐳"},
        {"e\xcc\x81", 0, "e\xcc\x81"}, /* a combining accent stays */
        /* C1 controls: as UTF-8, and as the bare byte that some terminals obey */
        {"\xc2\x80\xc2\x9b\xc2\x9f", 0, "\\u{0080}\\u{009b}\\u{009f}"},
        {"\x9b"
         "1m",
         0,
         "\\x9b"
         "1m"},
        /* what turns text around, or hides */
        {"\xd8\x9c", 0, "\\u{061c}"},
        {"\xe2\x80\x8b\xe2\x80\x8f", 0, "\\u{200b}\\u{200f}"},
        {"\xe2\x80\xae", 0, "\\u{202e}"},
        {"\xe2\x81\xa6\xe2\x81\xa9", 0, "\\u{2066}\\u{2069}"},
        {"\xe2\x80\xa8", 0, "\\u{2028}"},
        {"\xef\xbb\xbf", 0, "\\u{feff}"},
        {"\xf3\xa0\x81\x81", 0, "\\u{e0041}"},
        {"\xef\xbf\xbe\xef\xbf\xbf", 0, "\\u{fffe}\\u{ffff}"},
        {"\xef\xbf\xbd", 0, "\xef\xbf\xbd"}, /* the replacement character itself */
        /* no UTF-8: every byte by itself */
        {"\xff\xfe", 0, "\\xff\\xfe"},
        {"\xc0\xaf", 0, "\\xc0\\xaf"},                   /* overlong */
        {"\xe0\x80\xaf", 0, "\\xe0\\x80\\xaf"},          /* overlong */
        {"\xf0\x80\x80\xaf", 0, "\\xf0\\x80\\x80\\xaf"}, /* overlong */
        {"\xed\xa0\x80", 0, "\\xed\\xa0\\x80"},          /* surrogate */
        {"\xf4\x90\x80\x80", 0, "\\xf4\\x90\\x80\\x80"}, /* over U+10FFFF */
        {"\xf5\x80\x80\x80", 0, "\\xf5\\x80\\x80\\x80"},
        {"\xc3", 0, "\\xc3"}, /* ends too early */
        {"\xe6\xbc", 0, "\\xe6\\xbc"},
        {"\xe6\xbcz", 0, "\\xe6\\xbcz"},
        {"\xc3\xa9\xa9", 0, "\xc3\xa9\\xa9"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct buf once = {0}, twice = {0};
        text_clean(&once, cases[i].raw, cases[i].len > 0 ? cases[i].len : strlen(cases[i].raw));
        assert_string_equal(once.data, cases[i].shown);
        text_clean(&twice, once.data, once.len);
        assert_string_equal(twice.data, once.data);
        buf_done(&once);
        buf_done(&twice);
    }
}

static void test_clean_appends(void **state)
{
    struct buf buf = {0};
    (void)state;
    buf_append_str(&buf, "name: ");
    text_clean(&buf, "\033", 1);
    assert_string_equal(buf.data, "name: \\x1b");
    buf_done(&buf);
}

static void test_clean_name(void **state)
{
    static const char *const cases[][2] = {
        {"api", "api"},       {"a b", "a b"},        {" ", "\" \""},    {"", "\"\""},
        {"api ", "\"api \""}, {"\tapi", "\" api\""}, {"\033", "\\x1b"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct buf buf = {0};
        text_clean_name(&buf, cases[i][0]);
        assert_string_equal(buf.data, cases[i][1]);
        buf_done(&buf);
    }
}

static void test_width_and_fit(void **state)
{
    static const struct {
        const char *text;
        size_t width, columns, bytes, taken;
    } cases[] = {
        {"", 0, 5, 0, 0},     {"abc", 3, 0, 0, 0},        {"abc", 3, 2, 2, 2},
        {"abc", 3, 3, 3, 3},  {"abc", 3, 9, 3, 3},        {"é", 1, 1, 2, 1},
        {"éé", 2, 1, 2, 1},   {"漢字", 4, 3, 3, 2}, /* half of a wide one does not fit */
        {"漢字", 4, 4, 6, 4}, {"漢", 2, 1, 0, 0},         {"a🐳b", 4, 2, 1, 1},
        {"a🐳b", 4, 3, 5, 3},  {"e\xcc\x81x", 2, 1, 3, 1}, /* the accent stays with its letter */
        {"\xff", 1, 1, 1, 1},                             /* not clean, and still no trouble */
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        size_t taken = 99;
        assert_int_equal(text_width(cases[i].text), cases[i].width);
        assert_int_equal(text_fit(cases[i].text, cases[i].columns, &taken), cases[i].bytes);
        assert_int_equal(taken, cases[i].taken);
        assert_int_equal(text_fit(cases[i].text, cases[i].columns, NULL), cases[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size),       cmocka_unit_test(test_age),
        cmocka_unit_test(test_duration),   cmocka_unit_test(test_parse_size),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_parse_age),
        cmocka_unit_test(test_clean),      cmocka_unit_test(test_clean_appends),
        cmocka_unit_test(test_clean_name), cmocka_unit_test(test_width_and_fit),
    };
    limit_program(30);
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
