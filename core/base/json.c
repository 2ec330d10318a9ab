#include "core/base/json.h"

#include "core/base/clock.h"

cJSON *json_parse_object(const char *text, size_t len, const char *what, struct err *err)
{
    const char *end = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(text, len, &end, 0);
    while (tree != NULL && end < text + len && (*end == ' ' || (*end >= '\t' && *end <= '\r')))
        end++;
    if (cJSON_IsObject(tree) && end == text + len)
        return tree;
    cJSON_Delete(tree);
    err_set(err, ERR_FORMAT, "%s is not a JSON object", what);
    return NULL;
}

const cJSON *json_get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *json_string(const cJSON *object, const char *name, const char *otherwise)
{
    const char *text = cJSON_GetStringValue(json_get(object, name));
    return text != NULL ? text : otherwise;
}

bool json_bool(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(json_get(object, name));
}

int64_t json_count(const cJSON *object, const char *name)
{
    const cJSON *item = json_get(object, name);
    if (!cJSON_IsNumber(item) || !(item->valuedouble > 0))
        return 0;
    return item->valuedouble < 9.2e18 ? (int64_t)item->valuedouble : INT64_MAX;
}

int64_t json_time(const cJSON *object, const char *name)
{
    int64_t at = 0;
    clock_parse(json_string(object, name, ""), &at);
    return at;
}
