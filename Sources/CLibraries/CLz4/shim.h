#include <lz4hc.h>
#include <lz4.h>
