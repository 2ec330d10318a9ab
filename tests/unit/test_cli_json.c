#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cJSON.h>
#include <cmocka.h>

#include "cli/json.h"
#include "core/base/clock.h"
#include "tests/support/limit.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

static char *write_text(const char *text)
{
    char *out = NULL;
    size_t len;
    struct json json = {.out = open_memstream(&out, &len)};
    json_put_text(&json, NULL, text);
    fclose(json.out);
    return out;
}

static void test_text(void **state)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        {NULL, "null"},
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a\"b\\c/", "\"a\\\"b\\\\c/\""},
        {"tab\tnl\n", "\"tab\\u0009nl\\u000a\""},
        {"\x1b[31mred\x7f", "\"\\u001b[31mred\\u007f\""},
        {"\xc2\x9b", "\"\\u009b\""}, /* C1: CSI in eight bits */
        {"\xe2\x80\xae"
         "abc",
         "\"\\u202eabc\""},                         /* right-to-left override */
        {"\xf3\xa0\x81\x81", "\"\\udb40\\udc41\""}, /* tag characters, invisible */
        {"gr\xc3\xb6\xc3\x9f"
         "e \xf0\x9f\x90\xb3",
         "\"gr\xc3\xb6\xc3\x9f"
         "e \xf0\x9f\x90\xb3\""},
        {"\xff", "\"\\ufffd\""},
        {"a\xc3", "\"a\\ufffd\""},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""}, /* a surrogate */
        {"\xc0\xaf", "\"\\ufffd\\ufffd\""},            /* overlong */
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        char *out = write_text(cases[i].text);
        assert_string_equal(out, cases[i].json);
        cJSON *read_back = cJSON_Parse(out);
        assert_non_null(read_back);
        cJSON_Delete(read_back);
        free(out);
    }
}

static void test_every_byte(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char text[] = {'x', (char)byte, 'y', '\0'};
        char *out = write_text(text);
        for (const char *at = out; *at != '\0'; at++)
            assert_true(*at >= 0x20 && *at < 0x7f);
        free(out);
    }
}

static void test_structure(void **state)
{
    char *out = NULL;
    size_t len;
    struct json json = {.out = open_memstream(&out, &len)};
    (void)state;
    json_put_object(&json, NULL);
    json_put_array(&json, "empty");
    json_put_array_end(&json);
    json_put_array(&json, "list");
    json_put_text(&json, NULL, "a");
    json_put_object(&json, NULL);
    json_put_object_end(&json);
    json_put_object(&json, NULL);
    json_put_bool(&json, "yes", true);
    json_put_bool(&json, "no", false);
    json_put_object_end(&json);
    json_put_array_end(&json);
    json_put_int(&json, "least", INT64_MIN);
    json_put_int(&json, "most", INT64_MAX);
    json_put_int(&json, "past_doubles", INT64_C(9007199254740993));
    json_put_time(&json, "none", 0);
    json_put_time(&json, "time", INT64_C(1763797444) * CLOCK_SECOND + 470342626);
    json_put_object_end(&json);
    fclose(json.out);
    assert_string_equal(out, "{\"empty\":[],\"list\":[\"a\",{},{\"yes\":true,\"no\":false}],"
                             "\"least\":-9223372036854775808,\"most\":9223372036854775807,"
                             "\"past_doubles\":9007199254740993,\"none\":null,"
                             "\"time\":\"2025-11-22T07:44:04.470342626Z\"}");
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_structure),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
