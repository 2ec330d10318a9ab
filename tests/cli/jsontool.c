/* Looks at JSON for the shell tests.
 *
 *   jsontool check SHAPE     stdin is one JSON object of exactly this shape
 *   jsontool get PATH        prints the value at "services.0.size"
 *   jsontool each PATH KEY…  one line for each element of the array: the values
 *                            of these keys, with tabs between
 *
 * A shape is a JSON file that holds, in place of values, the name of a type:
 * "text", "int" (an integer written as one), "bytes" (an int, 0 or more),
 * "bool", "time" (RFC 3339 in UTC), "=one|two" (one of these words); with a
 * "?" at the end also null. An array in it has one element, the shape of all. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cJSON.h>

#define INPUT_MAX (64 << 20)

static char *read_file(FILE *file)
{
    size_t len = 0, cap = 1 << 16;
    char *text = malloc(cap);
    while (text != NULL && len < INPUT_MAX) {
        size_t got = fread(text + len, 1, cap - len - 1, file);
        if (got == 0)
            break;
        len += got;
        if (len + 1 == cap)
            text = realloc(text, cap *= 2);
    }
    if (text == NULL)
        abort();
    text[len] = '\0';
    return text;
}

/* One value and a newline, nothing else. */
static cJSON *parse(const char *text, bool whole)
{
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithOpts(text, &end, false);
    if (json == NULL || (whole && strcmp(end, "\n") != 0)) {
        fprintf(stderr, "not one JSON value and a newline, at \"%.40s\"\n", end);
        exit(1);
    }
    return json;
}

/* ---------------------------------------------------------------- check */

static bool is_time(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00";
    size_t i = 0;
    for (; form[i] != '\0'; i++)
        if (form[i] == '0' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
            return false;
    if (text[i] == '.')
        i += 1 + strspn(text + i + 1, "0123456789");
    return strcmp(text + i, "Z") == 0;
}

static bool is_word(const char *words, size_t len, const char *word)
{
    size_t word_len = strlen(word);
    for (size_t i = 0; i < len;) {
        size_t one = strcspn(words + i, "|");
        if (i + one > len)
            one = len - i;
        if (one == word_len && memcmp(words + i, word, one) == 0)
            return true;
        i += one + 1;
    }
    return false;
}

static bool has_type(const char *type, const cJSON *json)
{
    size_t len = strlen(type);
    bool nullable = len > 0 && type[len - 1] == '?';
    len -= nullable;
    if (cJSON_IsNull(json))
        return nullable;
    if (*type == '=')
        return cJSON_IsString(json) && is_word(type + 1, len - 1, json->valuestring);
    if (strncmp(type, "text", len) == 0)
        return cJSON_IsString(json);
    if (strncmp(type, "time", len) == 0)
        return cJSON_IsString(json) && is_time(json->valuestring);
    if (strncmp(type, "bool", len) == 0)
        return cJSON_IsBool(json);
    if (strncmp(type, "int", len) == 0 || strncmp(type, "bytes", len) == 0)
        return cJSON_IsNumber(json) && json->valuedouble == floor(json->valuedouble) &&
               (*type == 'i' || json->valuedouble >= 0);
    fprintf(stderr, "the shape has an unknown type: %s\n", type);
    exit(1);
}

static bool check(const cJSON *shape, const cJSON *json, const char *name);

static bool check_object(const cJSON *shape, const cJSON *json, const char *name)
{
    const cJSON *member;
    bool fits = true;
    cJSON_ArrayForEach(member, shape)
    {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, member->string);
        if (value == NULL)
            fprintf(stderr, "%s: there is no \"%s\"\n", name, member->string);
        fits = value != NULL && check(member, value, member->string) && fits;
    }
    cJSON_ArrayForEach(member, json)
    {
        if (cJSON_GetObjectItemCaseSensitive(shape, member->string) != NULL)
            continue;
        fprintf(stderr, "%s: \"%s\" is not in the shape\n", name, member->string);
        fits = false;
    }
    return fits;
}

static bool check(const cJSON *shape, const cJSON *json, const char *name)
{
    bool fits;
    if (cJSON_IsString(shape)) {
        fits = has_type(shape->valuestring, json);
    } else if (cJSON_IsArray(shape)) {
        const cJSON *element;
        fits = cJSON_IsArray(json);
        cJSON_ArrayForEach(element, json) fits = check(shape->child, element, name) && fits;
    } else {
        return cJSON_IsObject(json) && check_object(shape, json, name);
    }
    if (!fits) {
        char *text = cJSON_PrintUnformatted(json);
        fprintf(stderr, "%s: does not fit the shape: %s\n", name, text);
        free(text);
    }
    return fits;
}

static int check_shape(const char *path, const cJSON *json)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    char *text = read_file(file);
    fclose(file);
    cJSON *shape = parse(text, false);
    bool fits = check(shape, json, "the object");
    cJSON_Delete(shape);
    free(text);
    return fits ? 0 : 1;
}

/* ------------------------------------------------------------------ get */

static const cJSON *find(const cJSON *json, const char *path)
{
    while (*path != '\0' && json != NULL) {
        char key[128];
        size_t len = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)len, path);
        json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(key))
                                   : cJSON_GetObjectItemCaseSensitive(json, key);
        path += len + (path[len] == '.');
    }
    return json;
}

static void print(const cJSON *json)
{
    if (cJSON_IsString(json)) {
        fputs(json->valuestring, stdout);
    } else if (cJSON_IsNumber(json)) {
        printf("%.0f", json->valuedouble);
    } else {
        char *text = cJSON_PrintUnformatted(json);
        fputs(text, stdout);
        free(text);
    }
}

static int get(const cJSON *json, const char *path)
{
    json = find(json, path);
    if (json == NULL)
        return 1;
    print(json);
    putchar('\n');
    return 0;
}

static int each(const cJSON *json, const char *path, char **keys, int keys_len)
{
    const cJSON *element;
    json = find(json, path);
    if (!cJSON_IsArray(json))
        return 1;
    cJSON_ArrayForEach(element, json)
    {
        for (int i = 0; i < keys_len; i++) {
            const cJSON *value = find(element, keys[i]);
            if (i > 0)
                putchar('\t');
            if (value != NULL)
                print(value);
        }
        putchar('\n');
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    char *text = read_file(stdin);
    cJSON *json = parse(text, true);
    int code = 2;
    if (strcmp(argv[1], "check") == 0)
        code = check_shape(argv[2], json);
    else if (strcmp(argv[1], "get") == 0)
        code = get(json, argv[2]);
    else if (strcmp(argv[1], "each") == 0)
        code = each(json, argv[2], argv + 3, argc - 3);
    cJSON_Delete(json);
    free(text);
    return code;
}
