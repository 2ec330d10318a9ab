#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/strlist.h"
#include "core/build/compose/compose.h"

#define ENV_MAX_BYTES (1 << 20)

/* compose-spec: the names that compose looks for; an override file alone is
 * not enough. */
static bool holds_compose_file(const char *directory)
{
    static const char *const names[] = {"compose.yaml", "compose.yml", "docker-compose.yaml",
                                        "docker-compose.yml"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !found; i++) {
        char *path = mem_printf("%s/%s", directory, names[i]);
        found = access(path, F_OK) == 0;
        free(path);
    }
    return found;
}

static bool env_names_a_file(const char *directory)
{
    struct buf text = {0};
    int fd;
    if (fs_open_root(directory, &fd, NULL) < 0)
        return false;
    /* One that is too large, or a link, is compose's to read. */
    int code = fs_read_file(fd, ".env", ENV_MAX_BYTES, &text, NULL);
    bool named = code == 0 ? strstr(text.data, "COMPOSE_FILE") != NULL
                           : code == ERR_LIMIT || code == ERR_FOREIGN;
    buf_done(&text);
    close(fd);
    return named;
}

bool compose_in_sight(const char *directory)
{
    const char *named = getenv("COMPOSE_FILE");
    if ((named != NULL && named[0] != '\0') || env_names_a_file(directory))
        return true;
    char *path = mem_strdup(directory);
    bool found = holds_compose_file(path);
    for (char *slash = strrchr(path, '/'); !found && slash != NULL; slash = strrchr(path, '/')) {
        *slash = '\0';
        found = holds_compose_file(path);
    }
    free(path);
    return found;
}

/* ----------------------------------------------------------- the files by name
 *
 * The two versions look for the same names in another order. */

static const char *const names_1[] = {"docker-compose.yml", "docker-compose.yaml", "compose.yml",
                                      "compose.yaml"};
static const char *const names_2[] = {"compose.yaml", "compose.yml", "docker-compose.yml",
                                      "docker-compose.yaml"};
#define NAMES_LEN (sizeof names_1 / sizeof names_1[0])

static bool add_if_there(struct strlist *paths, const char *directory, const char *name)
{
    char *path = mem_printf("%s/%s", directory, name);
    bool there = access(path, R_OK) == 0;
    if (there)
        strlist_add(paths, path);
    free(path);
    return there;
}

/* "compose.override.yml" beside "compose.yml", of either ending. */
static void add_override(struct strlist *paths, const char *directory, const char *name)
{
    static const char *const endings[] = {"yml", "yaml"};
    bool found = false;
    for (size_t i = 0; i < 2 && !found; i++) {
        char *other = mem_printf("%.*s.override.%s", (int)strcspn(name, "."), name, endings[i]);
        found = add_if_there(paths, directory, other);
        free(other);
    }
}

static bool add_found(struct strlist *paths, const char *directory, bool version_1)
{
    const char *const *names = version_1 ? names_1 : names_2;
    for (size_t i = 0; i < NAMES_LEN; i++) {
        if (!add_if_there(paths, directory, names[i]))
            continue;
        add_override(paths, directory, names[i]);
        return true;
    }
    return false;
}

static void add_named(struct strlist *paths, const char *directory, const char *names)
{
    while (*names != '\0') {
        size_t len = strcspn(names, ":");
        char *path = names[0] == '/' ? mem_strndup(names, len)
                                     : mem_printf("%s/%.*s", directory, (int)len, names);
        if (len > 0)
            strlist_add(paths, path);
        free(path);
        names += len + (names[len] == ':');
    }
}

struct strlist compose_files(const char *file, const char *directory, bool version_1)
{
    struct strlist paths = {0};
    const char *named = getenv("COMPOSE_FILE");
    char *here = directory != NULL ? mem_strdup(directory) : getcwd(NULL, 0);
    if (here == NULL)
        return paths;
    if (file != NULL) {
        char *path = file[0] == '/' ? mem_strdup(file) : mem_printf("%s/%s", here, file);
        strlist_add(&paths, path);
        free(path);
    } else if (named != NULL && named[0] != '\0') {
        add_named(&paths, here, named);
    } else if (!env_names_a_file(here)) {
        bool found = add_found(&paths, here, version_1);
        for (char *slash = strrchr(here, '/'); !found && slash != NULL;
             slash = strrchr(here, '/')) {
            *slash = '\0';
            found = add_found(&paths, here, version_1);
        }
    }
    free(here);
    return paths;
}
