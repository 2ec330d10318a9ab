#include "core/cache/glance.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

#include "core/base/mem.h"

const char *const glance_cache_parts[] = {"", "/blobs", "/blobs/sha256", "/ingest", NULL};

static uint64_t mix(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * UINT64_C(0x100000001B3);
}

static uint64_t add_times(uint64_t sum, const char *path, const char *part)
{
    struct stat st;
    char *whole = mem_printf("%s%s", path, part);
    if (lstat(whole, &st) == 0) {
        sum = mix(sum, st.st_ino);
        sum = mix(sum, (uint64_t)st.st_mtim.tv_sec);
        sum = mix(sum, (uint64_t)st.st_mtim.tv_nsec);
        sum = mix(sum, (uint64_t)st.st_size);
    }
    free(whole);
    return mix(sum, 1);
}

uint64_t glance(const char *path, bool is_cache)
{
    uint64_t sum = add_times(UINT64_C(0xCBF29CE484222325), path, "/.");
    for (size_t i = 0; is_cache && glance_cache_parts[i] != NULL; i++)
        sum = add_times(sum, path, glance_cache_parts[i]);
    if (is_cache)
        sum = add_times(sum, path, "/index.json");
    return sum != 0 ? sum : 1;
}

bool glance_is_needed(const char *path)
{
#ifdef __linux__
    static const unsigned long remote[] = {
        0x6969,     /* NFS */
        0x517B,     /* SMB */
        0xFF534D42, /* CIFS */
        0xFE534D42, /* SMB2 */
        0x01021997, /* 9p, as virtual machines share folders by */
        0x65735546, /* FUSE */
        0x00C36400, /* Ceph */
    };
    struct statfs fs;
    if (statfs(path, &fs) < 0)
        return false;
    for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++)
        if ((unsigned long)fs.f_type == remote[i])
            return true;
#else
    (void)path;
#endif
    return false;
}
