/**
 * Readers of extra features, by the name under which an artifact asks for them. A reader is pure: the same text gives
 * the same features in every version, so a changed reader gets a new name.
 */
import type { ExtraFeature } from './features.ts'

export const extras: Readonly<Record<string, (text: string) => readonly ExtraFeature[]>> = {}
