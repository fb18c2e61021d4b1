/**
 * Tells the supervisor, by memory, that a mailbox is corrupt: it makes an event of that. Must not
 * know: what is wrong.
 */
import {
  ATTACHED_EPOCH,
  FAULT,
  FAULT_TEXT_BYTE,
  FAULT_TEXT_BYTES_MAX,
} from "../../channel/mailbox/layout.ts";
import { MailboxError } from "./fault.ts";
import { MappedWords } from "./shared_words.ts";

/**
 * Writes it into the consumer's own page, the text before the word that says it is there.
 *
 * @param text `turn of 7 must be 2, is 9`; cut where there is no room for it.
 */
export function reportFault(own: ArrayBuffer, text: string): void {
  const place = new Uint8Array(own, FAULT_TEXT_BYTE, FAULT_TEXT_BYTES_MAX);
  for (let at = 0; at < FAULT_TEXT_BYTES_MAX; at++) {
    const last = at === FAULT_TEXT_BYTES_MAX - 1;
    place[at] = last || at >= text.length ? 0 : text.charCodeAt(at);
  }
  const words = new MappedWords(own);
  words.store(FAULT, words.load(ATTACHED_EPOCH));
}

/** The error of a mailbox that cannot be opened; the supervisor is told as well. */
export function refusal(own: ArrayBuffer, fault: string): MailboxError {
  reportFault(own, fault);
  return new MailboxError(fault);
}
