#include "core/engine/api.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/json.h"

#define REFUSAL_MAX_BYTES 160

static const struct api_version newest_known = {1, 52};

static bool at_least(struct api_version version, int major, int minor)
{
    return version.major > major || (version.major == major && version.minor >= minor);
}

static bool take_number(const char **text, int *ret_number)
{
    size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > 4)
        return false;
    *ret_number = atoi(*text);
    *text += digits;
    return true;
}

int api_choose(const char *offered, struct api_version *ret_version, struct err *err)
{
    struct api_version version;
    const char *at = offered;
    if (!take_number(&at, &version.major) || *at++ != '.' || !take_number(&at, &version.minor) ||
        *at != '\0')
        return err_set(err, ERR_FORMAT, "\"%s\" is no API version", offered);
    *ret_version =
        at_least(version, newest_known.major, newest_known.minor) ? newest_known : version;
    return 0;
}

bool api_raise(struct api_version *version, const char *body, size_t len)
{
    static const char words[] = "inimum supported API version is ";
    cJSON *answer = json_parse_object(body, len, "", NULL);
    const char *at = strstr(json_string(answer, "message", ""), words);
    struct api_version least;
    bool raised = false;
    if (at != NULL) {
        at += sizeof words - 1;
        raised = take_number(&at, &least.major) && *at++ == '.' && take_number(&at, &least.minor) &&
                 !at_least(*version, least.major, least.minor);
    }
    if (raised)
        *version = least;
    cJSON_Delete(answer);
    return raised;
}

char *api_info_path(struct api_version version)
{
    return mem_printf("/v%d.%d/info", version.major, version.minor);
}

char *api_df_path(struct api_version version)
{
    const char *query = at_least(version, 1, 52)   ? "?type=build-cache&verbose=1"
                        : at_least(version, 1, 42) ? "?type=build-cache"
                                                   : "";
    return mem_printf("/v%d.%d/system/df%s", version.major, version.minor, query);
}

static void append_encoded(struct buf *path, const char *text)
{
    for (; *text != '\0'; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._~", *text) != NULL)
            buf_append(path, text, 1);
        else
            buf_printf(path, "%%%02X", (unsigned char)*text);
    }
}

char *api_events_path(struct api_version version)
{
    struct buf path = {0};
    buf_printf(&path, "/v%d.%d/events?filters=", version.major, version.minor);
    append_encoded(&path, "{\"type\":{\"builder\":true,\"image\":true}}");
    return buf_take(&path);
}

bool api_is_record_id(const char *id)
{
    size_t len = strspn(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_");
    return len > 0 && len <= 128 && id[len] == '\0';
}

char *api_prune_path(struct api_version version, const char *const *ids, size_t ids_len, bool all,
                     size_t *ret_used)
{
    struct buf path = {0};
    size_t used = 0;
    buf_printf(&path, "/v%d.%d/build/prune?%sfilters=", version.major, version.minor,
               all ? "all=1&" : "");
    append_encoded(&path, "{\"id\":{\"^(");
    do {
        append_encoded(&path, used > 0 ? "|" : "");
        append_encoded(&path, ids[used++]);
    } while (used < ids_len && path.len + strlen(ids[used]) + 64 < API_PRUNE_PATH_MAX);
    append_encoded(&path, ")$\":true}}");
    *ret_used = used;
    return buf_take(&path);
}

static char *copy_string(const cJSON *object, const char *name)
{
    const char *text = json_string(object, name, "");
    return text[0] != '\0' ? mem_strdup(text) : NULL;
}

/* "DriverStatus": [["driver-type","io.containerd.snapshotter.v1"]] */
static bool has_containerd_store(const cJSON *answer)
{
    const cJSON *pair;
    cJSON_ArrayForEach(pair, json_get(answer, "DriverStatus"))
    {
        const cJSON *value = cJSON_GetArrayItem(pair, 1);
        if (cJSON_IsString(value) && strstr(value->valuestring, "containerd.snapshotter") != NULL)
            return true;
    }
    return false;
}

int api_parse_info(const char *json, size_t len, struct api_info *ret_info, struct err *err)
{
    cJSON *answer = json_parse_object(json, len, "the engine's description of itself", err);
    if (answer == NULL)
        return ERR_FORMAT;
    *ret_info = (struct api_info){
        .version = copy_string(answer, "ServerVersion"),
        .data_root = copy_string(answer, "DockerRootDir"),
        .containerd_store = has_containerd_store(answer),
    };
    cJSON_Delete(answer);
    return 0;
}

void api_info_done(struct api_info *info)
{
    free(info->version);
    free(info->data_root);
    *info = (struct api_info){0};
}

int api_parse_pruned(const char *json, size_t len, struct api_pruned *ret_pruned, struct err *err)
{
    cJSON *answer = json_parse_object(json, len, "the engine's report of the prune", err);
    if (answer == NULL)
        return ERR_FORMAT;
    const cJSON *deleted = json_get(answer, "CachesDeleted"), *item;
    if (!cJSON_IsNumber(json_get(answer, "SpaceReclaimed")) && !cJSON_IsArray(deleted)) {
        cJSON_Delete(answer);
        return err_set(err, ERR_FORMAT, "the engine's answer is no report of a prune");
    }
    struct api_pruned pruned = {.freed_bytes = json_count(answer, "SpaceReclaimed")};
    pruned.ids = mem_alloc((size_t)cJSON_GetArraySize(deleted) * sizeof *pruned.ids);
    cJSON_ArrayForEach(item, deleted)
    {
        if (cJSON_IsString(item))
            pruned.ids[pruned.ids_len++] = mem_strdup(item->valuestring);
    }
    cJSON_Delete(answer);
    *ret_pruned = pruned;
    return 0;
}

void api_pruned_done(struct api_pruned *pruned)
{
    for (size_t i = 0; i < pruned->ids_len; i++)
        free(pruned->ids[i]);
    free(pruned->ids);
    *pruned = (struct api_pruned){0};
}

void api_pruned_add(struct api_pruned *sum, struct api_pruned *more)
{
    sum->ids = mem_realloc(sum->ids, (sum->ids_len + more->ids_len) * sizeof *sum->ids);
    for (size_t i = 0; i < more->ids_len; i++)
        sum->ids[sum->ids_len++] = more->ids[i];
    if (__builtin_add_overflow(sum->freed_bytes, more->freed_bytes, &sum->freed_bytes))
        sum->freed_bytes = INT64_MAX;
    free(more->ids);
    *more = (struct api_pruned){0};
}

/* Of a proxy, or another server: an HTML page, plain text. Its first words tell more
 * than its status. */
static void quote_refusal(int status, const char *body, size_t len, struct err *err)
{
    struct buf words = {0};
    bool in_tag = false, space = false;
    for (size_t i = 0; i < len && words.len < REFUSAL_MAX_BYTES; i++) {
        unsigned char c = (unsigned char)body[i];
        in_tag = c == '<' || (in_tag && c != '>');
        if (in_tag || c == '>' || c <= ' ' || c >= 0x7f) {
            space = true;
            continue;
        }
        if (space && words.len > 0)
            buf_append_str(&words, " ");
        space = false;
        buf_append(&words, &body[i], 1);
    }
    if (words.len > 0)
        err_set(err, ERR_PEER, "status %d: \"%s\"", status, words.data);
    else
        err_set(err, ERR_PEER, "the engine answers with status %d", status);
    buf_done(&words);
}

int api_refusal(int status, const char *body, size_t len, struct err *err)
{
    cJSON *answer = json_parse_object(body, len, "", NULL);
    const char *message = json_string(answer, "message", "");
    if (message[0] != '\0')
        err_set(err, ERR_PEER, "the engine says: %s", message);
    else
        quote_refusal(status, body, len, err);
    cJSON_Delete(answer);
    return ERR_PEER;
}
