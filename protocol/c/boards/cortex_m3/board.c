/* The camera on a Cortex-M3, the LM3S6965 evaluation board, over its first UART. As qemu has it:
 *
 *   qemu-system-arm -M lm3s6965evb -display none -serial pty -kernel bwc_cortex_m3.elf
 *
 * Bytes come by interrupt into a ring; the loop sleeps until there are some, or 10 ms. Time is a counter that nobody has
 * to serve in time: a processor that is kept from its work for a while, as an emulated one is, does not run late. What
 * stands for hardware that this board does not have says so. */
#include <string.h>

#include "../../core/board.h"
#include "../../core/device.h"
#include "../../core/sha256.h"

#define CPU_HZ 12500000u /* as it comes out of reset, in qemu */
#define REGISTER(at) (*(volatile uint32_t *)(at))
#define SYSCTL_RCGC1 REGISTER(0x400FE104)
#define SYSCTL_RCGC2 REGISTER(0x400FE108)
#define UART_DATA REGISTER(0x4000C000)
#define UART_FLAGS REGISTER(0x4000C018)
#define UART_INTEGER_BAUD REGISTER(0x4000C024)
#define UART_FRACTION_BAUD REGISTER(0x4000C028)
#define UART_LINE REGISTER(0x4000C02C)
#define UART_CONTROL REGISTER(0x4000C030)
#define UART_INTERRUPTS REGISTER(0x4000C038)
#define UART_CLEAR REGISTER(0x4000C044)
#define UART_EMPTY (1u << 4)
#define UART_FULL (1u << 5)
#define UART_RECEIVED (1u << 4 | 1u << 6) /* some bytes, or silence behind fewer */
#define TIMER_MODE REGISTER(0x40030004)
#define TIMER_CONTROL REGISTER(0x4003000C)
#define TIMER_INTERRUPTS REGISTER(0x40030018)
#define TIMER_CLEAR REGISTER(0x40030024)
#define TIMER_RELOAD REGISTER(0x40030028)
#define SYSTICK_CONTROL REGISTER(0xE000E010)
#define SYSTICK_RELOAD REGISTER(0xE000E014)
#define SYSTICK_VALUE REGISTER(0xE000E018)
#define NVIC_ENABLE REGISTER(0xE000E100)
#define NVIC_UART0 (1u << 5)
#define NVIC_TIMER0 (1u << 19)
#define INTERRUPT_STATE REGISTER(0xE000ED04)
#define SYSTICK_WAITS (1u << 26)
#define TURN 0xffffffu /* of the counter: 24 bits */
#define RING 2048 /* more than may come while the loop is busy: the windows bound it */
#define BLOCK_MAX 192

static struct bwc_device device;
static volatile uint32_t turns;
static struct {
    volatile uint32_t in, out;
    uint8_t bytes[RING];
} ring;
static uint8_t pool[32], firmware_sha256[32];
extern uint32_t data_begin, data_end, data_source, bss_begin, bss_end, stack_top;

const struct bwc_identity bwc_board_identity = {
    .manufacturer = "bwc-sdk",
    .model = "Smallest",
    .serial = "SMALLEST-M3",
    .hardware = "lm3s6965",
    .firmware = "1.0",
    .firmware_sha256 = firmware_sha256,
    .capabilities = BWC_CAPABILITY_SERIAL | BWC_CAPABILITY_LAB | BWC_CAPABILITY_SIMULATOR, /* qemu is no hardware */
};

/* Interrupts */

static void on_turn(void) { turns++; }

static void on_timer(void) { TIMER_CLEAR = 1; }

static void on_uart(void)
{
    UART_CLEAR = UART_RECEIVED;
    while (!(UART_FLAGS & UART_EMPTY)) {
        uint8_t byte = (uint8_t)UART_DATA;
        if (ring.in - ring.out < RING)
            ring.bytes[ring.in++ % RING] = byte;
    }
}

/* The counter may turn between two looks, and its interrupt may wait. */
static bwc_time now(void)
{
    uint32_t whole, part, waits;
    do {
        whole = turns;
        part = TURN - SYSTICK_VALUE;
        waits = INTERRUPT_STATE & SYSTICK_WAITS;
        if (waits)
            part = TURN - SYSTICK_VALUE;
    } while (whole != turns);
    return (((uint64_t)whole + (waits != 0)) * (TURN + 1) + part) * 10 / (CPU_HZ / 100000);
}

/* What the core asks for */

void bwc_board_send(unsigned pipe, const uint8_t *data, size_t size)
{
    (void)pipe;
    while (size--) {
        while (UART_FLAGS & UART_FULL) {
        }
        UART_DATA = *data++;
    }
}

/* Stands for a generator of random numbers, which this board lacks: when bytes came, by the processor's clock. */
void bwc_board_random(uint8_t *to, size_t size)
{
    while (size) {
        size_t take = size < sizeof pool / 2 ? size : sizeof pool / 2;
        uint32_t time[2] = {SYSTICK_VALUE, turns};
        struct bwc_sha256 hash;
        bwc_sha256_begin(&hash);
        bwc_sha256_add(&hash, pool, sizeof pool);
        bwc_sha256_add(&hash, time, sizeof time);
        bwc_sha256_end(&hash, pool);
        memcpy(to, pool, take);
        to += take;
        size -= take;
    }
}

/* Stands for flash: it is gone when the power is. */
static uint8_t blocks[BWC_LOG_SLOTS + 1][BLOCK_MAX];
static uint16_t kept[BWC_LOG_SLOTS + 1];

bool bwc_board_load(unsigned block, void *to, size_t size)
{
    memcpy(to, blocks[block], size);
    return kept[block] == size;
}

bool bwc_board_store(unsigned block, const void *from, size_t size)
{
    if (size > BLOCK_MAX)
        return false;
    memcpy(blocks[block], from, size);
    kept[block] = (uint16_t)size;
    return true;
}

/* Stands for a gauge and a chip of eMMC. */
void bwc_board_health(struct bwc_health *health)
{
    memset(health, 0, sizeof *health);
    health->charge_pct = 80;
    health->health_pct = 97;
    health->voltage_mv = 3950;
    health->current_ma = -120;
    health->temperature_dc = 245;
    health->cycles = 12;
    health->time_left_s = 36000;
    health->ext_csd_rev = 8;
    health->pre_eol = BWC_PRE_EOL_NORMAL;
    health->life_time_a = health->life_time_b = 1;
    health->written_bytes = health->capacity_bytes = 1 << 20;
    health->free_bytes = (1 << 20) - (1 << 16);
    health->docked = true;
}

/* The loop */

static void start_hardware(void)
{
    SYSCTL_RCGC1 |= 1u << 16 | 1;
    SYSCTL_RCGC2 |= 1;
    UART_CONTROL = 0;
    UART_INTEGER_BAUD = 6; /* 115,200: 12.5 MHz / 16 / 6.78 */
    UART_FRACTION_BAUD = 50;
    UART_LINE = 3u << 5 | 1u << 4; /* 8 data bits, no parity, 1 stop bit; the buffer (TRN-001) */
    UART_CONTROL = 1u << 9 | 1u << 8 | 1;
    UART_INTERRUPTS = UART_RECEIVED;
    TIMER_MODE = 2; /* again and again */
    TIMER_RELOAD = CPU_HZ / 100;
    TIMER_INTERRUPTS = 1;
    TIMER_CONTROL = 1;
    NVIC_ENABLE = NVIC_UART0 | NVIC_TIMER0;
    SYSTICK_RELOAD = TURN;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = 7;
}

static void run(void)
{
    for (;;) {
        __asm volatile("cpsid i"); /* what comes between the look and the sleep wakes it all the same */
        if (ring.in == ring.out && bwc_deadline(&device) > now())
            __asm volatile("wfi");
        __asm volatile("cpsie i");
        while (ring.in != ring.out) {
            uint32_t begin = ring.out % RING, size = ring.in - ring.out;
            if (size > RING - begin)
                size = RING - begin;
            bwc_receive(&device, 0, ring.bytes + begin, size, now());
            ring.out += size;
        }
        bwc_tick(&device, now());
    }
}

void bwc_reset(void);

void bwc_reset(void)
{
    struct bwc_sha256 hash;
    memcpy(&data_begin, &data_source, (size_t)((uint8_t *)&data_end - (uint8_t *)&data_begin));
    memset(&bss_begin, 0, (size_t)((uint8_t *)&bss_end - (uint8_t *)&bss_begin));
    bwc_sha256_begin(&hash); /* all of the flash that is used */
    bwc_sha256_add(&hash, (const void *)0, (size_t)&data_source);
    bwc_sha256_end(&hash, firmware_sha256);
    start_hardware();
    bwc_boot(&device, now());
    run();
}

static void stop(void)
{
    for (;;) {
    }
}

typedef void handler(void);
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    handler *handlers[15 + 20];
} vectors = {&stack_top,
             {bwc_reset, stop, stop, stop, stop, stop, 0, 0, 0, 0, stop, stop, 0, stop, on_turn, [15 + 5] = on_uart,
              [15 + 19] = on_timer}};
