#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"
#include "tests/support/limit.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define MAX_ARGS 8

struct values {
    bool yes, verbose;
    const char *type, *file;
    struct option_list services;
    struct option_number age, count, size, on;
};

#define VALUE(member) offsetof(struct values, member)
static const struct option_spec first[] = {
    {"yes", 'y', OPTION_FLAG, VALUE(yes), NULL, "do it"},
    {"service", 's', OPTION_LIST, VALUE(services), "NAME", "this one"},
    {"force", 'f', OPTION_REFUSED, 0, NULL, "write --yes"},
    {"age", 0, OPTION_AGE, VALUE(age), "AGE", "older"},
    {0},
};
static const struct option_spec second[] = {
    {"verbose", 'v', OPTION_FLAG, VALUE(verbose), NULL, "talk"},
    {"type", 't', OPTION_TEXT, VALUE(type), "TYPE", "of this type"},
    {"count", 0, OPTION_COUNT, VALUE(count), "N", "so many"},
    {"size", 0, OPTION_SIZE, VALUE(size), "SIZE", "so large"},
    {"on", 0, OPTION_YES_NO, VALUE(on), "yes|no", "or off"},
    {"file", 'f', OPTION_TEXT, VALUE(file), "FILE", "hidden behind the first -f"},
    {0},
};

static int read_all(struct values *values, struct option_list *operands, const char *const *args,
                    int *ret_used, struct err *err)
{
    const struct option_set sets[] = {{first, values}, {second, values}};
    int argc = 0;
    while (args[argc] != NULL)
        argc++;
    *ret_used = 0;
    return options_read(sets, 2, argc, (char **)args, operands, ret_used, err);
}

static void done(struct values *values, struct option_list *operands)
{
    const struct option_set set = {first, values};
    options_done(&set);
    option_list_done(operands);
}

static void test_forms(void **state)
{
    static const char *const cases[][MAX_ARGS] = {
        {"--yes", "--service", "a", "--service=b", "-t", "x", "op"},
        {"-y", "-s", "a", "-sb", "-tx", "op"},
        {"op", "-yv", "-s", "a", "--service", "b", "--type=x"},
        {"-ysa", "-sb", "-tx", "--", "op"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct values values = {0};
        struct option_list operands = {0};
        struct err err;
        int used;
        assert_int_equal(read_all(&values, &operands, cases[i], &used, &err), 0);
        assert_true(values.yes);
        assert_int_equal(values.services.len, 2);
        assert_string_equal(values.services.items[0], "a");
        assert_string_equal(values.services.items[1], "b");
        assert_string_equal(values.type, "x");
        assert_int_equal(operands.len, 1);
        assert_string_equal(operands.items[0], "op");
        assert_null(cases[i][used]);
        done(&values, &operands);
    }
}

static void test_numbers(void **state)
{
    static const char *const args[] = {"--age", "1h30m", "--count=3", NULL};
    struct values values = {0};
    struct option_list operands = {0};
    struct err err;
    int used;
    (void)state;
    assert_int_equal(read_all(&values, &operands, args, &used, &err), 0);
    assert_true(values.age.given);
    assert_int_equal(values.age.value, 5400);
    assert_true(values.count.given);
    assert_int_equal(values.count.value, 3);
    done(&values, &operands);
}

/* In one word with the option, what it is cannot be mistaken. */
static void test_values_that_begin_with_a_dash(void **state)
{
    static const char *const args[] = {"--type=--yes", "--service=-x", "--", "-y", "--yes", NULL};
    struct values values = {0};
    struct option_list operands = {0};
    struct err err;
    int used;
    (void)state;
    assert_int_equal(read_all(&values, &operands, args, &used, &err), 0);
    assert_string_equal(values.type, "--yes");
    assert_string_equal(values.services.items[0], "-x");
    assert_int_equal(operands.len, 2);
    assert_false(values.yes);
    done(&values, &operands);
}

static void test_stops_at_operand(void **state)
{
    static const char *const args[] = {"-v", "prune", "--nonsense", NULL};
    static const char *const dashes[] = {"-v", "--", "-x", NULL};
    static const char *const single[] = {"-", NULL};
    struct values values = {0};
    struct err err;
    int used;
    (void)state;
    assert_int_equal(read_all(&values, NULL, args, &used, &err), 0);
    assert_int_equal(used, 1);
    assert_int_equal(read_all(&values, NULL, dashes, &used, &err), 0);
    assert_int_equal(used, 2);
    assert_int_equal(read_all(&values, NULL, single, &used, &err), 0);
    assert_int_equal(used, 0);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *args[MAX_ARGS];
        const char *text;
    } cases[] = {
        {{"--ye"}, "unknown option --ye"},
        {{"--yess"}, "unknown option --yess"},
        {{"--nope=1"}, "unknown option --nope"},
        {{"-yx"}, "unknown option -x"},
        {{"--yes=no"}, "--yes takes no value"},
        {{"--type"}, "--type needs a value: TYPE"},
        {{"-t"}, "-t (--type) needs a value: TYPE"},
        {{"--type="}, "--type: the TYPE is empty"},
        {{"--service", ""}, "--service: the NAME is empty"},
        {{"--type=a", "--type=b"}, "--type is given twice"},
        {{"--age=1h", "--age=1h"}, "--age is given twice"},
        {{"--age", "5x"}, "--age: \"5x\" is not an age such as 90s, 15m, 24h, 7d, 2w"},
        {{"--age=-1h"}, "--age: \"-1h\" is not an age such as 90s, 15m, 24h, 7d, 2w"},
        {{"--age", "7"}, "--age: 7 what? such as 7d"},
        {{"--size", "10"}, "--size: 10 what? such as 10GB"},
        {{"--size=1.5"}, "--size: 1.5 what? such as 1.5GB"},
        {{"--size", "0B"}, "--size: \"0B\" is not a size such as 500MB, 10GB, 2GiB"},
        {{"--size", "10%"}, "--size: \"10%\" is not a size such as 500MB, 10GB, 2GiB"},
        {{"--size=10GB", "--size=10GB"}, "--size is given twice"},
        {{"--count", "3GB"}, "--count: \"3GB\" is not a number from 1"},
        {{"--on", "true"}, "--on: \"true\" is neither yes nor no"},
        {{"--yes="}, "--yes takes no value"},
        {{"--yes=false"}, "--yes takes no value"},
        /* A word that begins with '-' is no value, of no kind, in no form. */
        {{"--type", "--yes"},
         "--type needs a value: TYPE, and \"--yes\" looks like an option "
         "(a value that begins with - is written --type=VALUE)"},
        {{"-t", "--yes"},
         "-t (--type) needs a value: TYPE, and \"--yes\" looks like an option "
         "(a value that begins with - is written --type=VALUE)"},
        {{"-yvt", "-y"},
         "-t (--type) needs a value: TYPE, and \"-y\" looks like an option "
         "(a value that begins with - is written --type=VALUE)"},
        {{"-t", "-"},
         "-t (--type) needs a value: TYPE, and \"-\" looks like an option "
         "(a value that begins with - is written --type=VALUE)"},
        {{"-t", "--"},
         "-t (--type) needs a value: TYPE, and \"--\" looks like an option "
         "(a value that begins with - is written --type=VALUE)"},
        {{"--service", "-x"},
         "--service needs a value: NAME, and \"-x\" looks like an option "
         "(a value that begins with - is written --service=VALUE)"},
        {{"--age", "-1h"},
         "--age needs a value: AGE, and \"-1h\" looks like an option "
         "(a value that begins with - is written --age=VALUE)"},
        {{"--count", "-1"},
         "--count needs a value: N, and \"-1\" looks like an option "
         "(a value that begins with - is written --count=VALUE)"},
        {{"--on", "--yes"},
         "--on needs a value: yes|no, and \"--yes\" looks like an option "
         "(a value that begins with - is written --on=VALUE)"},
        {{"-t-x"}, "-t-x: write -t VALUE or --type=VALUE"},
        {{"-t=x"}, "-t=x: write -t VALUE or --type=VALUE"},
        {{"-yt--yes"}, "-t--yes: write -t VALUE or --type=VALUE"},
        /* Habits that would mean something else here. */
        {{"-f"}, "write --yes"},
        {{"-yf"}, "write --yes"},
        {{"-fx"}, "write --yes"},
        {{"-f=x"}, "write --yes"},
        {{"-f-x"}, "write --yes"},
        {{"--force"}, "write --yes"},
        {{"--force=no"}, "write --yes"},
        {{"-\xc3\xa4"}, "unknown option -\xc3\xa4"},
        {{"-\x1b[31m"}, "unknown option -\\x1b"},
        {{"--=x"}, "unknown option --"},
        {{"--count", "0"}, "--count: \"0\" is not a number from 1"},
        {{"--count=-1"}, "--count: \"-1\" is not a number from 1"},
        {{"--count", "+1"}, "--count: \"+1\" is not a number from 1"},
        {{"--count", "1x"}, "--count: \"1x\" is not a number from 1"},
        {{"--count", " 1"}, "--count: \" 1\" is not a number from 1"},
        {{"--count", "99999999999"}, "--count: \"99999999999\" is not a number from 1"},
        {{"--count", "99999999999999999999"},
         "--count: \"99999999999999999999\" is not a number from 1"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct values values = {0};
        struct option_list operands = {0};
        struct err err;
        int used;
        assert_int_equal(read_all(&values, &operands, cases[i].args, &used, &err), ERR_USAGE);
        assert_string_equal(err.text, cases[i].text);
        done(&values, &operands);
    }
}

static void test_help(void **state)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    (void)state;
    options_print(first, out);
    fclose(out);
    assert_string_equal(text, "  -y, --yes           do it\n"
                              "  -s, --service NAME  this one\n"
                              "      --age AGE       older\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_values_that_begin_with_a_dash),
        cmocka_unit_test(test_stops_at_operand),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_help),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
