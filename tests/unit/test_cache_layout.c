/* The parsers of a layout: digests, JSON, manifests, cache configs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/cache/layout.h"
#include "core/cache/pull.h"
#include "tests/unit/cache_kit.h"

#define HEX "aa33d345646f129a82d2c973189a569e75f694bbef364c3c1a02f94228689286"

static void test_digests(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"sha256:" HEX, true},      {HEX, false},          {"sha256:", false},
        {"sha256:" HEX "0", false}, {"SHA256:" HEX, false}, {"sha512:" HEX, false},
        {"sha256: " HEX, false},    {"", false},
        {"sha256:Aa33d345646f129a82d2c973189a569e75f694bbef364c3c1a02f94228689286", false},
        {"sha256:ga33d345646f129a82d2c973189a569e75f694bbef364c3c1a02f94228689286", false},
        {"sha256:\xe9" "a33d345646f129a82d2c973189a569e75f694bbef364c3c1a02f9422868928", false},
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
    struct pull json;
    char *copy = mem_alloc(len); /* without a NUL behind it */
    memcpy(copy, text, len);
    pull_init(&json, copy, len);
    pull_skip(&json);
    bool good = pull_ended(&json);
    free(copy);
    return good;
}

static void test_json_grammar(void **state)
{
    static const char *const good[] = {
        "{}", "[]", "0", "-1.5e+10", "\"\"", "true", "false", "null", " [ 1 , 2 ] \n",
        "{\"a\":{\"b\":[{},[],\"x\"]},\"c\":null}", "\"\\u00e9\\n\\\"\\\\\"", "[[[]],{}]", "1E5",
        "\"\x7f\xff\"",
    };
    static const char *const bad[] = {
        "", " ", "{", "}", "[", "]", "[1", "[1,", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\" 1}", "[1 2]", "[}", "{]", "[1}", "{\"a\":1]",
        "tru", "nul", "nan", "-", "1.", "1e", ".5", "+1", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"",
        "\"\\u12g4\"", "\"a\nb\"", "1 2", "{} {}", "[] x", "truex", "'a'", "\"\\",
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
        assert_int_equal(depth <= PULL_MAX_DEPTH, skips(text.data, text.len));
        buf_done(&text);
    }
}

static void test_json_strings(void **state)
{
    static const struct {
        const char *json, *plain;
        bool whole;
    } cases[] = {
        {"\"plain\"", "plain", true},       {"\"\"", "", true},
        {"\"\\u0061\\/\\t\"", "a/\t", true}, {"\"\\u00e9\\u20ac\"", "\u00e9\u20ac", true},
        {"\"\\ud83d\\ude00\"", "??", true}, {"\"a\\u0000b\"", "a", false},
        {"\"0123456789\"", "0123456", false}, {"\"01234\\n67\"", "01234\n6", false},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct pull json;
        char out[8];
        pull_init(&json, cases[i].json, strlen(cases[i].json));
        struct pull_text text = pull_string(&json);
        assert_true(pull_ended(&json));
        assert_int_equal(cases[i].whole, pull_copy(&text, out, sizeof out));
        assert_string_equal(cases[i].plain, out);
    }
    struct pull json;
    pull_init(&json, "\"di\\u0067est\"", 13);
    struct pull_text name = pull_string(&json);
    assert_true(pull_is(&name, "Digest"));
    assert_false(pull_is(&name, "diges"));
}

/* As Go's omitempty and its readers have it: any order, any case, unknown
 * members, members of a wrong kind. */
static void test_manifest(void **state)
{
    static const char text[] =
        "{\"Layers\":[{\"digest\":\"sha256:" HEX "\",\"x\":[{}]},{\"size\":\"7\",\"digest\":"
        "\"sha256:" HEX "\",\"mediaType\":\"application/vnd.oci.image.index.v1+json\"}],"
        "\"config\":{\"size\":9007199254740992,\"digest\":\"sha256:" HEX "\"},"
        "\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.index.v1+json\","
        "\"digest\":\"sha256:" HEX "\",\"size\":12,\"annotations\":{\"buildkit/createdat\":"
        "\"2026-11-22T07:44:04.043490277Z\",\"org.opencontainers.image.ref.name\":\"v1\"}},"
        "{\"mediaType\":\"application/vnd.buildkit.cacheconfig.v0\",\"digest\":\"sha256:" HEX
        "\",\"annotations\":7},{\"digest\":\"sha512:00\"},3,null]}";
    struct manifest manifest;
    struct err err;
    int64_t at;
    (void)state;
    assert_int_equal(0, manifest_parse(text, strlen(text), &manifest, &err));
    assert_int_equal(5, manifest.len);
    const uint8_t roles[] = {BLOB_LAYER, BLOB_LAYER, BLOB_CONFIG, BLOB_MANIFEST, BLOB_CONFIG};
    const int64_t sizes[] = {-1, -1, INT64_C(9007199254740992), 12, -1};
    for (size_t i = 0; i < LEN(roles); i++) {
        assert_int_equal(roles[i], manifest.descriptors[i].role);
        assert_int_equal(sizes[i], manifest.descriptors[i].size_bytes);
    }
    assert_true(clock_parse("2026-11-22T07:44:04.043490277Z", &at));
    assert_int_equal(at, manifest.descriptors[3].created_at);
    assert_string_equal("v1", manifest.descriptors[3].tag);
    assert_null(manifest.descriptors[4].tag);
    assert_int_equal(3, manifest.odd_count);
    assert_string_equal("sha512:00", manifest.odd);
    manifest_done(&manifest);
}

static void test_no_manifest(void **state)
{
    static const char *const texts[] = {
        "", "{}", "[]", "7", "{\"layers\":7}", "{\"layers\":[],\"records\":[]}",
        "{\"layers\":[],\"schemaVersion\":1}", "{\"manifests\":[{\"digest\":\"sha256:" HEX "\"}]",
        "{\"manifests\":[]} trailing",
    };
    (void)state;
    for (size_t i = 0; i < LEN(texts); i++) {
        struct manifest manifest = {.len = 77};
        struct err err;
        assert_int_equal(ERR_FORMAT,
                         manifest_parse(texts[i], strlen(texts[i]), &manifest, &err));
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
        cmocka_unit_test(test_digests),      cmocka_unit_test(test_json_grammar),
        cmocka_unit_test(test_json_depth),   cmocka_unit_test(test_json_strings),
        cmocka_unit_test(test_manifest),     cmocka_unit_test(test_no_manifest),
        cmocka_unit_test(test_large),        cmocka_unit_test(test_cache_config),
    };
    return cmocka_run_group_tests_name("cache_layout", tests, NULL, NULL);
}
