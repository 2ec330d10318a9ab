#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/base64.h"
#include "core/base/mem.h"
#include "core/builds/progress/objects.h"
#include "tests/support/limit.h"

/* Objects are collected as "<object>", other bytes as they are. */
static void on_object(void *arg, const char *text, size_t len)
{
    buf_append_str(arg, "<");
    buf_append(arg, text, len);
    buf_append_str(arg, ">");
}

static void on_other(void *arg, const char *text, size_t len)
{
    buf_append(arg, text, len);
}

static const struct objects_ops ops = {.on_object = on_object, .on_other = on_other};

static const struct {
    const char *data, *found;
} cases[] = {
    {"", ""},
    {"{}", "<{}>"},
    {"{}\n{}\n", "<{}><{}>"},
    {"{}{}", "<{}><{}>"},
    {"{} \t{}", "<{}><{}>"},
    {"{\"a\":1}\n", "<{\"a\":1}>"},
    {"{\n  \"a\": {\n    \"b\": [{}]\n  }\n}\n", "<{\n  \"a\": {\n    \"b\": [{}]\n  }\n}>"},
    {"{\"a\":\"}\"}", "<{\"a\":\"}\"}>"},
    {"{\"a\":\"\\\"}\"}", "<{\"a\":\"\\\"}\"}>"},
    {"{\"a\":\"\\\\\"}x\n", "<{\"a\":\"\\\\\"}>x\n"},
    {"hello\n{}\nworld\n", "hello\n<{}>world\n"},
    {"\n{}\n\n{}\n", "\n<{}>\n<{}>"},
    {"x {}\n", "x {}\n"}, /* not in the first column */
    {"  {}\n", "  {}\n"},
    {"{a}\n{}\n", "{a}\n<{}>"}, /* no key: no object */
    {"{ x\n{}\n", "{ x\n<{}>"},
    {"{\"a\n{}\n", "{\"a\n<{}>"}, /* a newline in a string */
    {"{\"a\\\n{}\n", "{\"a\\\n<{}>"},
    {"{\"a\":{\n{}\n", "{\"a\":{\n<{}>"},     /* an inner one would be indented */
    {"{\"a\":[\n  {}\n", "{\"a\":[\n  {}\n"}, /* never ends */
    {"{\"a\"", "{\"a\""},
    {"{", "{"},
    {"}\n{}\n", "}\n<{}>"},
    {"{}}\n{}\n", "<{}>}\n<{}>"},
    {"{}\r\n{}\r\n", "<{}><{}>"},
    {"{\"0123456789012345678901234567890123456789\":1}\n{}\n",
     "{\"0123456789012345678901234567890123456789\":1}\n<{}>"}, /* over the limit */
};

static void test_any_chunks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i].data);
        for (size_t chunk = 1; chunk <= len + 1; chunk++) {
            struct objects objects;
            struct buf found = {0};
            buf_append_str(&found, "");
            objects_init(&objects, 40);
            for (size_t at = 0; at < len; at += chunk)
                objects_feed(&objects, cases[i].data + at, len - at < chunk ? len - at : chunk,
                             &ops, &found);
            objects_end(&objects, &ops, &found);
            assert_string_equal(found.data, cases[i].found);
            objects_done(&objects);
            buf_done(&found);
        }
    }
}

static void test_base64(void **state)
{
    (void)state;
    static const struct {
        const char *text, *bytes; /* NULL: not base64 */
    } base64_cases[] = {
        {"", ""},        {"YQ==", "a"},        {"YWI=", "ab"},
        {"YWJj", "abc"}, {"YWJjZA==", "abcd"}, {"/+8=", "\xff\xef"},
        {"YQ", NULL},    {"YQ=", NULL},        {"Y===", NULL},
        {"====", NULL},  {"YQ==YQ==", NULL},   {"Y Q=", NULL},
        {"YW\nj", NULL}, {"YW-j", NULL},
    };
    for (size_t i = 0; i < sizeof base64_cases / sizeof base64_cases[0]; i++) {
        struct buf buf = {0};
        buf_append_str(&buf, "x");
        assert_int_equal(base64_decode(base64_cases[i].text, &buf), base64_cases[i].bytes != NULL);
        assert_string_equal(buf.data + 1,
                            base64_cases[i].bytes != NULL ? base64_cases[i].bytes : "");
        buf_done(&buf);
    }
}

int main(void)
{
    limit_program(60);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_chunks),
        cmocka_unit_test(test_base64),
    };
    return cmocka_run_group_tests_name("objects", tests, NULL, NULL);
}
