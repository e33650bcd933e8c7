/* Devices that each break one rule, to try a test bench with: compiled in by -DBWC_DEFECTS alone, chosen when the
 * program runs. In firmware DEFECT(...) is false, and costs nothing. */
#ifndef BWC_DEFECTS_H
#define BWC_DEFECTS_H

/* name, rule that it breaks, what it does */
#define BWC_ALL_DEFECTS(X)                                                                                             \
    X(HEADER_CRC, "FRM-001", "believes headers whose CRC is wrong")                                                    \
    X(PAYLOAD_CRC, "FRM-001", "believes payloads whose CRC is wrong")                                                  \
    X(SKIPS_FRAME, "FRM-002", "goes on behind a damaged frame, not behind its first byte")                             \
    X(PARTIAL_FOR_EVER, "FRM-004", "waits for the rest of a frame for ever")                                           \
    X(FRESH_HELLO_ACK, "LNK-002", "answers each HELLO by another nonce")                                               \
    X(HELLO_ENDS_LINK, "LNK-003", "a HELLO of another host ends the live link")                                        \
    X(NO_UNKNOWN_LINK, "LNK-010", "says nothing to frames of an unknown link")                                         \
    X(NO_PING, "LNK-013", "never asks for a sign of life")                                                             \
    X(PONG_FORGETS, "LNK-014", "its PONG has another number than the PING")                                            \
    X(NEVER_SILENT, "LNK-015", "keeps a link that is silent")                                                          \
    X(NO_RESET_ANSWER, "CHN-004", "does not answer RESET")                                                             \
    X(ACKS_AHEAD, "CHN-011", "acknowledges a frame that it has not got")                                               \
    X(SILENT_ON_DUPLICATES, "CHN-016", "does not acknowledge a duplicate")                                             \
    X(DELIVERS_TWICE, "CHN-019", "works on a frame again that it got twice")                                           \
    X(IGNORES_WINDOW, "CHN-018", "sends into a window of 0")                                                           \
    X(CHANGES_COPIES, "CHN-019", "sends another payload when it sends a frame again")                                  \
    X(HASTY_PREAMBLE, "SES-001", "speaks before the whole preamble is there")                                          \
    X(NO_HANDSHAKE_LIMIT, "SES-005", "waits for READY for ever")                                                       \
    X(ANY_SESSION_INFO, "SES-006", "takes SESSION_INFO of other preambles")                                            \
    X(BEFORE_READY, "SES-007", "carries out requests before READY")                                                    \
    X(ROLES_FOR_ALL, "SES-020", "gives roles that the host does not have")                                             \
    X(ANSWERS_TWICE, "MSG-001", "answers each request twice")                                                          \
    X(ANY_FLAGS, "MSG-004", "takes flags that are not listed")                                                         \
    X(ANY_ROLE, "ROL-001", "carries out what the role does not carry")                                                 \
    X(BEYOND_CREDIT, "STR-001", "sends beyond the credit")                                                             \
    X(CREDIT_TAKEN_BACK, "STR-003", "takes a credit that is lower than before")                                        \
    X(ANY_REVISION, "CFG-004", "takes changes against another revision")                                               \
    X(STAGES_SOME, "CFG-001", "stages the good values of a request that it refuses")                                   \
    X(ANY_TYPE, "CFG-002", "takes values of another type")                                                             \
    X(KEEPS_STAGED, "CFG-006", "keeps what is staged when the conversation ends")                                      \
    X(ANY_STEP, "CLK-002", "takes any step of the clock")                                                              \
    X(UNLOGGED_SET, "CLK-004", "does not log a set of the clock")                                                      \
    X(BROKEN_CHAIN, "AUD-001", "its log does not chain")                                                               \
    X(ANY_MANIFEST, "REC-005", "opens a recording by another manifest")                                                \
    X(CUTS_SHORT, "REC-020", "cuts a stretch short that reaches beyond the segment")

#ifdef BWC_DEFECTS
enum bwc_defect {
    BWC_SOUND,
#define X(name, rule, what) BWC_DEFECT_##name,
    BWC_ALL_DEFECTS(X)
#undef X
};
extern enum bwc_defect bwc_defect;
#define DEFECT(name) (bwc_defect == BWC_DEFECT_##name)
#else
#define DEFECT(name) 0
#endif

#endif
