#include "core/oci/blob_hash.h"

#include "config.h"

#ifdef HAVE_LIBCRYPTO

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "core/base/fs.h"
#include "core/base/mem.h"

#define CHUNK (1 << 20)

bool blob_hash_available(void)
{
    return true;
}

static int hash_chunks(int fd, const char *name, EVP_MD_CTX *context, hash_progress_cb *on_progress,
                       void *arg, struct err *err)
{
    char *chunk = mem_alloc(CHUNK);
    int64_t total = 0;
    int code = 0;
    for (;;) {
        ssize_t got = read(fd, chunk, CHUNK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            code = err_sys(err, -errno, "reading %s", name);
        if (got <= 0)
            break;
        EVP_DigestUpdate(context, chunk, (size_t)got);
        total += got;
        if (on_progress != NULL && !on_progress(arg, total)) {
            code = err_set(err, ERR_CANCELLED, "reading %s: stopped", name);
            break;
        }
    }
    free(chunk);
    return code;
}

int blob_hash_file(int dirfd, const char *name, hash_progress_cb *on_progress, void *arg,
                   struct digest *ret_digest, struct err *err)
{
    struct fs_stat stat;
    int fd, code = fs_open_file(dirfd, name, &stat, &fd, err);
    if (code < 0)
        return code;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        code = err_set(err, ERR_UNSUPPORTED, "hashing %s: libcrypto gives no SHA-256", name);
    else
        code = hash_chunks(fd, name, context, on_progress, arg, err);
    if (code == 0)
        EVP_DigestFinal_ex(context, ret_digest->bytes, NULL);
    EVP_MD_CTX_free(context);
    close(fd);
    return code;
}

#else

bool blob_hash_available(void)
{
    return false;
}

int blob_hash_file(int dirfd, const char *name, hash_progress_cb *on_progress, void *arg,
                   struct digest *ret_digest, struct err *err)
{
    (void)dirfd;
    (void)on_progress;
    (void)arg;
    (void)ret_digest;
    return err_set(err, ERR_UNSUPPORTED, "hashing %s: built without libcrypto", name);
}

#endif
