#ifndef BWC_POSIX_TLS_H
#define BWC_POSIX_TLS_H

#include <stdbool.h>

/* Files of PEM: the agency's root, the device's chain, its key. False: they cannot be used. */
bool bwc_tls_prepare(const char *root, const char *chain, const char *key);

#endif
