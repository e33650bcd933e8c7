#include "string.h"

void *memcpy(void *to, const void *from, size_t size) { return memmove(to, from, size); }

void *memmove(void *to, const void *from, size_t size)
{
    unsigned char *at = to;
    const unsigned char *source = from;
    if (at <= source)
        while (size--)
            *at++ = *source++;
    else
        while (size--)
            at[size] = source[size];
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    unsigned char *at = to;
    while (size--)
        *at++ = (unsigned char)byte;
    return to;
}

int memcmp(const void *one, const void *other, size_t size)
{
    const unsigned char *a = one, *b = other;
    for (; size--; a++, b++)
        if (*a != *b)
            return *a - *b;
    return 0;
}

size_t strlen(const char *text)
{
    size_t size = 0;
    while (text[size])
        size++;
    return size;
}
