/* The parsers of a layout: digests, JSON, manifests, cache configs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/oci/json_reader.h"
#include "core/oci/layout.h"
#include "tests/unit/cache_kit.h"

#define HEX "aa33d345646f129a82d2c973189a569e75f694bbef364c3c1a02f94228689286"

static void test_digests(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"sha256:" HEX, true},
        {HEX, false},
        {"sha256:", false},
        {"sha256:" HEX "0", false},
        {"SHA256:" HEX, false},
        {"sha512:" HEX, false},
        {"sha256: " HEX, false},
        {"", false},
        {"sha256:Aa33d345646f129a82d2c973189a569e75f694bbef364c3c1a02f94228689286", false},
        {"sha256:ga33d345646f129a82d2c973189a569e75f694bbef364c3c1a02f94228689286", false},
        {"sha256:\xe9"
         "a33d345646f129a82d2c973189a569e75f694bbef364c3c1a02f9422868928",
         false},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct digest digest = {{0}};
        char out[DIGEST_TEXT_SIZE];
        assert_int_equal(cases[i].good, digest_parse(cases[i].text, &digest));
        if (cases[i].good)
            assert_string_equal(cases[i].text, digest_text(out, &digest));
        else
            assert_int_equal(0, digest.bytes[0]); /* untouched */
    }
    /* Every prefix is refused, and nothing is read behind it. */
    for (size_t len = 0; len < 64; len++) {
        struct digest digest;
        char *prefix = mem_strndup(HEX, len);
        assert_false(digest_parse_hex(prefix, &digest));
        free(prefix);
    }
}

static bool skips(const char *text, size_t len)
{
    struct json_reader json;
    char *copy = mem_alloc(len); /* without a NUL behind it */
    memcpy(copy, text, len);
    json_reader_init(&json, copy, len);
    json_reader_skip(&json);
    bool good = json_reader_ended(&json);
    free(copy);
    return good;
}

static void test_json_grammar(void **state)
{
    static const char *const good[] = {
        "{}",
        "[]",
        "0",
        "-1.5e+10",
        "\"\"",
        "true",
        "false",
        "null",
        " [ 1 , 2 ] \n",
        "{\"a\":{\"b\":[{},[],\"x\"]},\"c\":null}",
        "\"\\u00e9\\n\\\"\\\\\"",
        "[[[]],{}]",
        "1E5",
        "\"\x7f\xff\"",
        "-0",
        "0.0",
        "100",
        "\"\\ud800\"",
        "99999999999999999999999999",
    };
    static const char *const bad[] = {
        "",           " ",
        "{",          "}",
        "[",          "]",
        "[1",         "[1,",
        "[1,]",       "[,1]",
        "{\"a\"}",    "{\"a\":}",
        "{\"a\":1,}", "{a:1}",
        "{1:1}",      "{\"a\" 1}",
        "[1 2]",      "[}",
        "{]",         "[1}",
        "{\"a\":1]",  "tru",
        "nul",        "nan",
        "-",          "1.",
        "1e",         ".5",
        "+1",         "\"",
        "\"\\\"",     "\"\\x\"",
        "\"\\u12\"",  "\"\\u12g4\"",
        "\"a\nb\"",   "1 2",
        "{} {}",      "[] x",
        "truex",      "'a'",
        "\"\\",       "01",
        "-01",        "[00]",
        "--1",        "\xef\xbb\xbf{}",
        "{}\x1a",     "0x10",
        "1e+",        "\"\\ud83d\\u\"",
    };
    (void)state;
    for (size_t i = 0; i < LEN(good); i++)
        if (!skips(good[i], strlen(good[i])))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < LEN(bad); i++)
        if (skips(bad[i], strlen(bad[i])))
            fail_msg("taken: %s", bad[i]);
    assert_false(skips("\0", 1));
    assert_false(skips("[1\0]", 4));
}

static void test_json_depth(void **state)
{
    (void)state;
    for (size_t depth = 998; depth < 1003; depth++) {
        struct buf text = {0};
        for (size_t i = 0; i < depth; i++)
            buf_append_str(&text, i % 2 ? "[" : "{\"a\":");
        buf_append_str(&text, "1");
        for (size_t i = depth; i-- > 0;)
            buf_append_str(&text, i % 2 ? "]" : "}");
        assert_int_equal(depth <= JSON_READER_MAX_DEPTH, skips(text.data, text.len));
        buf_done(&text);
    }
}

static struct json_reader_text string_of(const char *json)
{
    struct json_reader reader;
    json_reader_init(&reader, json, strlen(json));
    struct json_reader_text text = json_reader_string(&reader);
    assert_true(json_reader_ended(&reader));
    return text;
}

static void test_json_strings(void **state)
{
    static const struct {
        const char *json, *plain;
        bool whole;
    } cases[] = {
        {"\"plain\"", "plain", true},
        {"\"\"", "", true},
        {"\"\\u0061\\/\\t\"", "a/\t", true},
        {"\"\\u00e9\\u20ac\"", "\u00e9\u20ac", true},
        {"\"\\ud83d\\ude00\"", "\U0001f600", true},
        {"\"a\\u0000b\"", "a", false},
        {"\"0123456789\"", "", false},
        {"\"01234\\n67\"", "01234\n6", false},
        {"\"\\ud83dx\"", "?x", true},
        {"\"\\ude00\"", "?", true},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        char out[8];
        struct json_reader_text text = string_of(cases[i].json);
        assert_int_equal(cases[i].whole, json_reader_copy(&text, out, sizeof out));
        if (cases[i].whole)
            assert_string_equal(cases[i].plain, out);
        else
            assert_true(strlen(out) < sizeof out);
    }
}

static void only_a_string_that_can_be_told_is_taken(void **state)
{
    static const struct {
        const char *json, *plain; /* NULL: it can't */
    } cases[] = {
        {"\"latest\"", "latest"},
        {"\"\"", ""},
        {"\"\\ud83d\\ude00 \\u00fc\"", "\U0001f600 \u00fc"},
        {"\"\\uD83D\\uDE00\"", "\U0001f600"},
        {"\"\\ud83d\"", NULL},
        {"\"\\ud83d\\u0041\"", NULL},
        {"\"\\ude00\\ud83d\"", NULL},
        {"\"\\udc00\"", NULL},
        {"\"\xff\"", NULL},
        {"\"\xc3\"", NULL},
        {"\"\xed\xa0\x80\"", NULL}, /* a surrogate in UTF-8 */
        {"\"\xc0\x80\"", NULL},     /* NUL, too long */
        {"\"a\\u0000\"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct json_reader_text text = string_of(cases[i].json);
        char *plain = pull_take(&text);
        if (cases[i].plain == NULL)
            assert_null(plain);
        else
            assert_string_equal(cases[i].plain, plain);
        free(plain);
    }
}

static void a_name_in_another_case_resembles_and_is_not_the_same(void **state)
{
    static const struct {
        const char *json;
        bool same, resembles;
    } cases[] = {
        {"\"manifests\"", true, false},
        {"\"manifest\\u0073\"", true, false},
        {"\"Manifests\"", false, true},
        {"\"MANIFESTS\"", false, true},
        {"\"manifest\\u0053\"", false, true},
        {"\"manifest\u017f\"", false, true},
        {"\"mani\\u0046e\\u017ftS\"", false, true},
        {"\"manifest\"", false, false},
        {"\"manifestss\"", false, false},
        {"\"\"", false, false},
        {"\"manifests\\u0000\"", false, false},
        {"\"manifest\\ud800\"", false, false},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct json_reader_text name = string_of(cases[i].json);
        assert_int_equal(cases[i].same, json_reader_is(&name, "manifests"));
        assert_int_equal(cases[i].resembles, pull_resembles(&name, "manifests"));
    }
    struct json_reader_text kelvin = string_of("\"\u212aey\"");
    assert_true(pull_resembles(&kelvin, "key"));
}

static void only_a_whole_number_that_fits_is_one(void **state)
{
    static const struct {
        const char *json;
        int64_t value;
        bool good;
    } cases[] = {
        {"0", 0, true},
        {"-0", 0, true},
        {"7", 7, true},
        {"-12", -12, true},
        {"9223372036854775807", INT64_MAX, true},
        {"9223372036854775808", 0, false},
        {"-9223372036854775808", INT64_MIN, true},
        {"-9223372036854775809", 0, false},
        {"1.0", 0, false},
        {"1e3", 0, false},
        {"123456789012345678901234567890", 0, false},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct json_reader json;
        int64_t value = 77;
        json_reader_init(&json, cases[i].json, strlen(cases[i].json));
        assert_int_equal(cases[i].good, pull_integer(&json, &value));
        assert_true(json_reader_ended(&json));
        assert_true(value == (cases[i].good ? cases[i].value : 77));
    }
}

/* ---- manifests */

#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define DIGEST "\"digest\":\"sha256:" HEX "\""

/* As Go's omitempty has it: any order, unknown members, members that are null. */
static void a_manifest_is_read_whatever_else_it_holds(void **state)
{
    static const char text[] =
        "{\"future\":{\"a\":[1.5e3]},\"manifests\":[{\"mediaType\":\"" INDEX_TYPE "\"," DIGEST
        ",\"size\":12,\"platform\":null,\"annotations\":{\"x\":7,\"buildkit/createdat\":"
        "\"2026-11-22T07:44:04.043490277Z\",\"org.opencontainers.image.ref.name\":\"v1\"}}, "
        "{\"mediaType\":\"application/vnd.buildkit.cacheconfig.v0\"," DIGEST
        ",\"annotations\":null},"
        "{\"mediaType\":\"a/b\"," DIGEST ",\"size\":null}],\"schemaVersion\":2,\"config\":null}";
    struct manifest manifest;
    struct err err;
    int64_t at;
    (void)state;
    assert_int_equal(0, manifest_parse(text, strlen(text), &manifest, &err));
    assert_int_equal(3, manifest.len);
    const uint8_t roles[] = {BLOB_MANIFEST, BLOB_CONFIG, BLOB_LAYER};
    const int64_t sizes[] = {12, -1, -1};
    for (size_t i = 0; i < LEN(roles); i++) {
        const struct descriptor *descriptor = &manifest.descriptors[i];
        assert_int_equal(roles[i], descriptor->role);
        assert_int_equal(sizes[i], descriptor->size_bytes);
        assert_int_equal(i == 2, descriptor->unknown_type);
        assert_int_equal('{', text[descriptor->start]);
        assert_int_equal('}', text[descriptor->end - 1]);
    }
    assert_int_equal('[', text[manifest.list_start - 1]);
    assert_int_equal(']', text[manifest.list_end]);
    assert_true(clock_parse("2026-11-22T07:44:04.043490277Z", &at));
    assert_int_equal(at, manifest.descriptors[0].created_at);
    assert_string_equal("v1", manifest.descriptors[0].tag);
    assert_null(manifest.descriptors[1].tag);
    assert_true(manifest.is_index && manifest.is_cache);
    assert_int_equal(1, manifest.odd_count); /* a config beside it, if only null */
    manifest_done(&manifest);
}

/* Wherever a reader in Go may see something else than what stands there for us. */
static void what_is_not_understood_is_told(void **state)
{
    static const struct {
        const char *text, *odd;
    } cases[] = {
        {"{\"manifests\":[],\"Manifests\":[{" DIGEST "}]}", "\"Manifests\""},
        {"{\"manifests\":[],\"manifest\u017f\":[{" DIGEST "}]}", "the name"},
        {"{\"manifests\":[],\"manifests\":[{" DIGEST "}]}", "a second \"manifests\""},
        {"{\"manifests\":[],\"manifest\\u0073\":[]}", "a second"},
        {"{\"manifests\":[],\"SCHEMAVERSION\":1}", "\"SCHEMAVERSION\""},
        {"{\"manifests\":[],\"layers\":[{" DIGEST "}]}", "an index and what a manifest"},
        {"{\"manifests\":[],\"config\":{" DIGEST "}}", "an index and what a manifest"},
        {"{\"manifests\":[],\"layers\":7}", "another kind of value"},
        {"{\"manifests\":[],\"subject\":{" DIGEST "}}", "a \"subject\""},
        {"{\"manifests\":[],\"mediaType\":\"a/b\"}", "the media type \"a/b\""},
        {"{\"manifests\":[],\"mediaType\":7}", "another kind"},
        {"{\"manifests\":[{" DIGEST "," DIGEST "}]}", "a second \"digest\""},
        {"{\"manifests\":[{" DIGEST ",\"Digest\":\"sha256:00\"}]}", "\"Digest\""},
        {"{\"manifests\":[{" DIGEST ",\"size\":\"7\"}]}", "another kind"},
        {"{\"manifests\":[{" DIGEST ",\"size\":-1}]}", "a size"},
        {"{\"manifests\":[{" DIGEST ",\"size\":1e3}]}", "a size"},
        {"{\"manifests\":[{" DIGEST ",\"size\":99999999999999999999}]}", "a size"},
        {"{\"manifests\":[{" DIGEST ",\"SIZE\":7}]}", "\"SIZE\""},
        {"{\"manifests\":[{" DIGEST ",\"annotations\":[]}]}", "another kind"},
        {"{\"manifests\":[{" DIGEST ",\"mediaType\":[]}]}", "another kind"},
        {"{\"manifests\":[{" DIGEST ",\"annotations\":{\"" LAYOUT_TAG "\":7}}]}", "a tag"},
        {"{\"manifests\":[{" DIGEST ",\"annotations\":{\"" LAYOUT_TAG "\":null}}]}", "a tag"},
        {"{\"manifests\":[{" DIGEST ",\"annotations\":{\"" LAYOUT_TAG "\":\"\\ud800\"}}]}",
         "the tag"},
        {"{\"manifests\":[{" DIGEST ",\"annotations\":{\"" LAYOUT_TAG "\":\"\xff\"}}]}",
         "the tag \"\\xff\""},
        {"{\"manifests\":[{" DIGEST ",\"annotations\":{\"" LAYOUT_TAG "\":\"a\",\"" LAYOUT_TAG
         "\":\"b\"}}]}",
         "a second"},
        {"{\"manifests\":[{" DIGEST
         ",\"annotations\":{\"Org.opencontainers.image.ref.name\":\"b\"}}]}",
         "the name"},
        {"{\"manifests\":[{\"digest\":\"sha512:00\"}]}", "the digest \"sha512:00\""},
        {"{\"manifests\":[{\"digest\":\"\\u001b[31m\"}]}", "the digest \"\\x1b[31m\""},
        {"{\"manifests\":[{\"digest\":7}]}", "another kind"},
        {"{\"manifests\":[{}]}", "the digest \"\""},
        {"{\"manifests\":[null]}", "describes nothing"},
        {"{\"manifests\":[{" DIGEST "},3]}", "describes nothing"},
        {"{\"layers\":[],\"config\":{\"digest\":\"x\"}}", "the digest \"x\""},
        {"{\"layers\":[{\"digest\":\"x\"}],\"config\":{" DIGEST "}}", "the digest \"x\""},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct manifest manifest;
        struct err err = {0};
        if (manifest_parse(cases[i].text, strlen(cases[i].text), &manifest, &err) < 0)
            fail_msg("%s: %s", cases[i].text, err.text);
        if (manifest.odd == NULL || strstr(manifest.odd, cases[i].odd) == NULL)
            fail_msg("%s: %s", cases[i].text, manifest.odd != NULL ? manifest.odd : "understood");
        assert_true(manifest.odd_count > 0);
        manifest_done(&manifest);
    }
}

/* And no false alarm: what BuildKit, buildx, skopeo, crane and containerd write. */
static void what_exporters_write_is_understood(void **state)
{
    static const char *const texts[] = {
        "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" INDEX_TYPE "\"," DIGEST
        ",\"size\":2863,\"annotations\":{\"org.opencontainers.image.ref.name\":\"latest\"}}]}",
        "{\"schemaVersion\":2,\"mediaType\":\"" INDEX_TYPE "\",\"manifests\":[]}",
        "{\"schemaVersion\":2,\"manifests\":null}",
        "{\"schemaVersion\":2,\"config\":{" DIGEST ",\"size\":0},\"layers\":null}",
        "{\"manifests\":[{" DIGEST ",\"size\":1,\"urls\":[\"u\"],\"data\":\"eA==\",\"platform\":"
        "{\"architecture\":\"amd64\",\"os\":\"linux\"},\"artifactType\":\"a/b\"}],"
        "\"annotations\":{\"Digest\":\"x\"},\"artifactType\":\"a/b\",\"subject\":null}",
        "{\"manifests\":[{" DIGEST ",\"annotations\":{\"io.containerd.image.name\":\"x\","
        "\"org.opencontainers.image.created\":\"2026-01-02T03:04:05Z\"}}]}",
    };
    (void)state;
    for (size_t i = 0; i < LEN(texts); i++) {
        struct manifest manifest;
        struct err err = {0};
        if (manifest_parse(texts[i], strlen(texts[i]), &manifest, &err) < 0)
            fail_msg("%s: %s", texts[i], err.text);
        if (manifest.odd != NULL)
            fail_msg("%s: %s", texts[i], manifest.odd);
        manifest_done(&manifest);
    }
}

static void a_cache_config_counts_only_where_buildkit_writes_it(void **state)
{
#define CONFIG_ENTRY "{\"mediaType\":\"application/vnd.buildkit.cacheconfig.v0\"," DIGEST "}"
    static const struct {
        const char *text;
        bool cache;
    } cases[] = {
        {"{\"manifests\":[" CONFIG_ENTRY "]}", true},
        {"{\"layers\":[],\"config\":" CONFIG_ENTRY "}", true},
        {"{\"config\":{" DIGEST ",\"mediaType\":\"application\\/vnd.buildkit.cacheconfig.v0\"},"
         "\"layers\":[]}",
         true},
        {"{\"layers\":[" CONFIG_ENTRY "],\"config\":{" DIGEST "}}", false},
        {"{\"layers\":[],\"config\":{\"mediaType\":\"application/"
         "vnd.oci.image.config.v1+json\"," DIGEST "}}",
         false},
        {"{\"layers\":[],\"config\":{\"mediaType\":\"Application/"
         "vnd.buildkit.cacheconfig.v0\"," DIGEST "}}",
         false},
        {"{\"layers\":[],\"config\":{\"mediaType\":\"application/"
         "vnd.buildkit.cacheconfig.v1\"," DIGEST "}}",
         false},
        {"{\"layers\":[],\"config\":{" DIGEST "}}", false},
        {"{\"manifests\":[{\"mediaType\":\"" INDEX_TYPE "\"," DIGEST "}],\"artifactType\":"
         "\"application/vnd.buildkit.cacheconfig.v0\"}",
         false},
        {"{\"manifests\":[{\"mediaType\":\"application/vnd.buildkit.cacheconfig.v0\","
         "\"digest\":\"x\"}]}",
         false},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct manifest manifest;
        assert_int_equal(0, manifest_parse(cases[i].text, strlen(cases[i].text), &manifest, NULL));
        if (manifest.is_cache != cases[i].cache)
            fail_msg("%s", cases[i].text);
        manifest_done(&manifest);
    }
}

static void test_no_manifest(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "7",
        "{\"layers\":7}",
        "{\"layers\":[]}",
        "{\"Manifests\":[]}",
        "{\"config\":{" DIGEST "}}",
        "{\"manifests\":7}",
        "{\"manifests\":{}}",
        "{\"layers\":[],\"config\":{},\"records\":null}",
        "{\"manifests\":[],\"schemaVersion\":2.5}",
        "\xef\xbb\xbf{\"manifests\":[]}",
        "{\"manifests\":[]}\x1a",
        "{\"manifests\":[]},",
        "{\"layers\":[],\"records\":[]}",
        "{\"layers\":[],\"schemaVersion\":1}",
        "{\"manifests\":[{\"digest\":\"sha256:" HEX "\"}]",
        "{\"manifests\":[]} trailing",
    };
    (void)state;
    for (size_t i = 0; i < LEN(texts); i++) {
        struct manifest manifest = {.len = 77};
        struct err err;
        assert_int_equal(ERR_FORMAT, manifest_parse(texts[i], strlen(texts[i]), &manifest, &err));
        assert_int_equal(77, manifest.len); /* untouched */
    }
}

static void test_large(void **state)
{
    struct manifest manifest;
    struct err err;
    char *text = mem_zalloc(LAYOUT_MAX_BYTES + 2);
    (void)state;
    memset(text, ' ', LAYOUT_MAX_BYTES + 1);
    memcpy(text, "{\"manifests\":[]}", 16);
    assert_int_equal(0, manifest_parse(text, LAYOUT_MAX_BYTES, &manifest, &err));
    manifest_done(&manifest);
    assert_int_equal(ERR_LIMIT, manifest_parse(text, LAYOUT_MAX_BYTES + 1, &manifest, &err));
    free(text);
}

static void test_cache_config(void **state)
{
    static const char text[] =
        "{\"records\":[{\"layers\":[{\"createdAt\":\"2026-01-01T00:00:02Z\"},"
        "{\"createdAt\":\"2026-01-01T00:00:01Z\",\"layer\":0},"
        "{\"layer\":1,\"createdAt\":\"nonsense\"},{\"layer\":-1,\"createdAt\":"
        "\"2026-01-01T00:00:01Z\"},{\"layer\":1e99,\"createdAt\":\"2026-01-01T00:00:01Z\"}]},7],"
        "\"layers\":[{\"blob\":\"sha256:" HEX "\"},{\"blob\":\"x\"},null]}";
    struct layer_time *times;
    struct err err;
    size_t len;
    int64_t at;
    (void)state;
    assert_int_equal(0, cacheconfig_parse(text, strlen(text), &times, &len, &err));
    assert_int_equal(1, len);
    assert_true(clock_parse("2026-01-01T00:00:01Z", &at));
    assert_int_equal(at, times[0].created_at);
    free(times);
    assert_int_equal(ERR_FORMAT, cacheconfig_parse("{}", 2, &times, &len, &err));
    assert_int_equal(ERR_FORMAT, cacheconfig_parse("{\"layers\":[]", 12, &times, &len, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_json_grammar),
        cmocka_unit_test(test_json_depth),
        cmocka_unit_test(test_json_strings),
        cmocka_unit_test(only_a_string_that_can_be_told_is_taken),
        cmocka_unit_test(a_name_in_another_case_resembles_and_is_not_the_same),
        cmocka_unit_test(only_a_whole_number_that_fits_is_one),
        cmocka_unit_test(a_manifest_is_read_whatever_else_it_holds),
        cmocka_unit_test(what_is_not_understood_is_told),
        cmocka_unit_test(what_exporters_write_is_understood),
        cmocka_unit_test(a_cache_config_counts_only_where_buildkit_writes_it),
        cmocka_unit_test(test_no_manifest),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_cache_config),
    };
    return cmocka_run_group_tests_name("cache_layout", tests, NULL, NULL);
}
