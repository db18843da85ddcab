// Where the app's music comes from. Views know this interface and nothing behind it: on a PC it is the node's HTTP API,
// on the phone it is the swarm. A method that `can` does not name may reject with SourceError("unsupported").

/** @import {Album, AlbumDetail, Artist, ArtistDetail, Folder, Found, Genre, Job, Library, Lyrics, History, Notice, Page, Playlist, PlaylistDetail, Rendition, Status, Track, TrackDetail} from "./model.js" */

/**
 * @typedef {"phrase" | "hide" | "folders" | "export" | "verify" | "sign_out" | "devices" | "keep" | "star" | "plays" | "playlists" | "edit_playlists"} Ability
 *   phrase: shows the recovery phrase until it is confirmed; hide: takes a track out of the library; folders: adds, moves
 *   and removes watched folders; export and verify: starts those jobs; sign_out: forgets this browser;
 *   devices: lists, pairs and revokes devices; keep: holds music on this device;
 *   star: has stars and ratings; plays: counts plays and has a history of them; playlists: has playlists; edit_playlists:
 *   makes and changes them.
 */

/**
 * @typedef {object} TrackQuery
 * @property {number} [offset]
 * @property {number} [limit]  at most 500
 * @property {"title" | "artist" | "album" | "added" | "year" | "duration"} [sort]
 * @property {"asc" | "desc"} [order]
 * @property {string} [album]  id
 * @property {string} [artist]  id
 * @property {string} [genre]  name
 */

/**
 * @typedef {object} AlbumQuery
 * @property {number} [offset]
 * @property {number} [limit]  at most 500
 * @property {"name" | "artist" | "year" | "added"} [sort]
 * @property {"asc" | "desc"} [order]
 * @property {string} [artist]  id
 * @property {string} [genre]  name
 */

/**
 * @typedef {{kind: "changed", revision: number}
 *   | {kind: "progress", job: Job}
 *   | {kind: "notice", notice: Notice}
 *   | {kind: "link", online: boolean, why?: string}
 *   | {kind: "signed_out"}
 *   | {kind: "revoked", wiped: Promise<string[]>}} SourceEvent
 *   changed: any list may differ; link: the source can, or can no longer, be reached, and why, in a sentence; revoked: the library let this device go; `wiped` as of `signOut`.
 */

/**
 * @typedef {object} Way  Another device that gives music now.
 * @property {string} id
 * @property {string} name
 * @property {"node" | "seed"} role
 * @property {"" | "lan" | "direct" | "ranges" | "relay"} path  how bytes travel; "": not known yet; ranges: of a seed, by HTTP; relay: through a seed
 */

/**
 * @typedef {object} Held  What this device holds of the library.
 * @property {number} kept_tracks  that are to stay here
 * @property {number} kept_ready  of these, how many are here whole
 * @property {number} used_bytes  of all music here
 * @property {number} budget_bytes  what may be used beside what is to stay
 * @property {number} free_bytes  what the browser would still give
 * @property {boolean} lasting  the browser has promised not to clear it away
 * @property {Way[]} ways
 * @property {{device: number, node: number, seed: number, relay: number}} month_bytes  where the music of the last 30 days came from
 */

/**
 * @typedef {object} Keeping  Holding music on this device.
 * @property {ReadonlySet<string>} kept  tracks that are to stay here
 * @property {(tracks: readonly string[], on: boolean) => Promise<void>} set
 * @property {() => Promise<Held>} held
 * @property {(budget_bytes: number) => Promise<void>} setBudget
 * @property {(listener: () => void, signal: AbortSignal) => void} onChange
 */

/** @typedef {"tracks" | "albums" | "artists"} Markable */

/**
 * @typedef {object} Personal  What the person does with the music; every change reaches the other devices.
 * @property {(kind: Markable, id: string, on: boolean) => Promise<void>} star
 * @property {(kind: Markable, id: string, rating: number | null) => Promise<void>} rate  1 to 5; null takes it back
 * @property {() => Promise<Found>} starred  the latest first
 * @property {(track: string, played_ms: number) => Promise<void>} play  the same play told twice counts once
 * @property {(limit: number) => Promise<History>} history  at most 500
 */

/**
 * @typedef {object} Playlists
 * @property {() => Promise<Playlist[]>} all  by name
 * @property {(id: string) => Promise<PlaylistDetail>} get
 * @property {(name: string, tracks: readonly string[], comment?: string) => Promise<PlaylistDetail>} create
 * @property {(id: string, name: string) => Promise<PlaylistDetail>} rename
 * @property {(id: string) => Promise<void>} remove
 * @property {(id: string, tracks: readonly string[]) => Promise<PlaylistDetail>} append
 * @property {(id: string, tracks: readonly string[]) => Promise<PlaylistDetail>} replace  these tracks, in this order
 * @property {(id: string, places: readonly number[]) => Promise<PlaylistDetail>} take  out, by places from 0
 */

/**
 * @typedef {object} Device
 * @property {string} id
 * @property {string} name
 * @property {"owner" | "player" | "seed"} role
 * @property {boolean} this
 * @property {boolean} active  false: it was revoked
 * @property {boolean} present
 * @property {number | null} seen_ms
 * @property {number | null} budget_bytes  its room for copies; null: not known here
 * @property {number | null} held_bytes
 * @property {string} health  a sentence, or ""
 */

/** @typedef {{server: string, joined: boolean, trouble: string, way?: "server" | "lan" | "dht", misdeeds?: string[], own?: boolean, of?: string[]}} Room  where devices meet; own: a tracker of this device, not a seed of the library; of: computers that say they are met there */

/**
 * @typedef {object} PairingEvent  As docs/openapi.yaml has them.
 * @property {"code" | "link" | "met" | "check" | "paired" | "failed" | "end"} event
 * @property {string} [code]
 * @property {string | null} [tracker]
 * @property {string} [link]
 * @property {string[]} [qr]  rows of the link's QR code
 * @property {string} [name]  of the newcomer
 * @property {string} [message]  why it failed
 */

/**
 * @typedef {object} Pairing  Letting devices in.
 * @property {() => Promise<string>} app  the address that phones get the app from; "": none is known
 * @property {(how: {app?: string, anywhere?: boolean}) => Promise<string>} begin  gives its id
 * @property {(id: string, after: number, signal: AbortSignal) => Promise<{events: PairingEvent[], next: number}>} events
 * @property {(id: string, digits: string) => Promise<unknown>} check
 * @property {(id: string) => Promise<unknown>} cancel
 */

/**
 * @typedef {object} Devices
 * @property {() => Promise<Device[]>} list  the most senior first
 * @property {() => Promise<Room[]>} rooms
 * @property {(id: string, name: string) => Promise<unknown>} rename
 * @property {(id: string) => Promise<unknown>} [revoke]  where this device may
 * @property {(address: string) => Promise<unknown>} [addTracker]  as typed; where it is done here
 * @property {(server: string) => Promise<unknown>} [removeTracker]
 * @property {Pairing} [pairing]  where this device may
 * @property {Phrases} [phrases]  where this device may
 */

/** @typedef {{seeds: string[], trackers: string[]}} Beside  addresses that should stand beside the words on paper */
/** @typedef {{id: string, active: boolean, added_ms: number, first: boolean, made_by: string, outranks_this: boolean}} Phrase */
/** @typedef {{id: string, words: string[], positions: number[]} & Beside} PhraseDraft  shown once */

/**
 * @typedef {object} Phrases  The library's recovery phrases.
 * @property {() => Promise<{items: Phrase[]} & Beside>} list  the most senior first
 * @property {() => Promise<PhraseDraft>} draft
 * @property {(id: string, words: Record<number, string>) => Promise<unknown>} confirm
 * @property {(id: string) => Promise<unknown>} discard
 * @property {(id: string, phrase: string) => Promise<unknown>} remove  `phrase`: the words in whose name, or ""
 */

/**
 * @typedef {object} Left  Where a device stopped.
 * @property {readonly string[]} tracks  the one that played, and what came after it
 * @property {number} position_ms  in the first
 * @property {string} by  the device's name
 * @property {number} changed_ms
 */

/**
 * @typedef {object} Continuing  Going on with what another device played.
 * @property {() => Promise<Left | null>} left  null: nothing was left yet
 * @property {(place: Pick<Left, "tracks" | "position_ms">) => Promise<number>} leave  gives the place's `changed_ms`
 */

/**
 * @typedef {object} AppPassword  What one music app of others signs in with.
 * @property {number} id
 * @property {string} name
 * @property {number} created_ms
 * @property {number | null} used_ms
 */

/**
 * @typedef {object} Apps
 * @property {() => Promise<AppPassword[]>} list
 * @property {(name: string) => Promise<AppPassword & {password: string}>} create  the password is told this once
 * @property {(id: number) => Promise<void>} revoke
 */

/**
 * @typedef {object} Seed  What keeps the library sealed and always on; amounts are null before it has said them.
 * @property {string} id
 * @property {string} url
 * @property {"away" | "connected" | "filled"} state
 * @property {string} trouble
 * @property {number | null} reached_ms
 * @property {number | null} quota_bytes
 * @property {number | null} held_bytes
 * @property {number | null} missing
 * @property {number | null} missing_bytes
 * @property {number | null} trash_bytes
 * @property {number | null} days_left  until what is beyond the quota goes
 * @property {number | null} left_bytes
 * @property {number | null} left_songs
 * @property {number} left_out
 * @property {number} left_out_bytes
 * @property {Record<string, number>} left_out_of  by kind: mobile, cover, original
 * @property {{time_ms: number, passed: number, failed: number} | null} audit  the last one
 * @property {{passed: number, all: number}} audits
 * @property {{blobs: number, dropped_bytes: number, held_bytes: number} | null} shrinking  what waits for an owner's word
 */

/**
 * @typedef {object} HostedLibrary  Somebody's library that this node keeps sealed: a number and amounts.
 * @property {number} number
 * @property {number} quota_bytes
 * @property {number} held_bytes
 * @property {number} held_blobs
 * @property {number} waiting_bytes
 * @property {number} trash_bytes
 * @property {number} damaged_blobs
 * @property {{sent_bytes: number, received_bytes: number, single_reads: number} | null} traffic
 */

/**
 * @typedef {object} Hosting  What this node keeps for others.
 * @property {number} host_bytes  0: nothing
 * @property {string} trouble
 * @property {{promised_bytes: number, capacity_bytes: number, held_bytes: number, disk: {free_bytes: number, short_bytes: number}, libraries: HostedLibrary[]} | null} seed
 */

/**
 * @typedef {object} Removal  Tracks that were taken out of the library together.
 * @property {number} removed_ms
 * @property {number} count
 * @property {Track[]} tracks  the first hundred
 */

/**
 * @typedef {object} Seeds
 * @property {() => Promise<Seed[]>} list
 * @property {(wish: {code: string} | {grant_bytes: number}) => Promise<Seed>} add  one more: by its code, or with so much room on one of the tracker's pool
 * @property {(id: string) => Promise<void>} shrink  lets a seed drop what waits
 * @property {() => Promise<Removal[]>} removals  of the last 30 days, the newest first
 * @property {() => Promise<number>} undo  the newest removal; how many tracks are back
 * @property {() => Promise<Hosting>} hosting  what this node keeps for others
 */

/**
 * @typedef {object} CopiesDevice
 * @property {string} id
 * @property {string} name
 * @property {"device" | "seed"} kind
 * @property {boolean} this
 * @property {boolean} present
 * @property {boolean} asleep
 * @property {number | null} seen_ms
 * @property {"lan" | "direct" | "webrtc" | "relay" | null} reached  null: no way is open now
 * @property {number} budget_bytes
 * @property {number} used_bytes
 * @property {number} originals  songs of which it keeps the original sealed
 * @property {number} from_files  further songs, as music files
 * @property {number} small  further songs, the small rendition alone
 * @property {boolean} trusted
 */

/** @typedef {{from: string, blobs: number, bytes: number, rate_bytes_per_s: number, left_s: number | null}} Incoming  From one device. */
/** @typedef {{from: string, kind: string, title: string, done_bytes: number, total_bytes: number, rate_bytes_per_s: number, left_s: number | null}} Transfer */
/** @typedef {{to: string, rate_bytes_per_s: number, total_bytes: number}} Outgoing  To one device or seed, since the start. */
/** @typedef {{to: string, kind: string, title: string, sent_bytes: number, total_bytes: number | null, rate_bytes_per_s: number}} Upload */

/**
 * @typedef {object} Copies  Where the music lives, and what moves.
 * @property {number} copies  how many each song is to have
 * @property {boolean} paused
 * @property {number} budget_bytes
 * @property {CopiesDevice[]} devices  this one first
 * @property {{copies: number, songs: number}[]} songs  how many have how many copies, the fewest first
 * @property {{songs: number, reasons: {why: string, songs: number}[], examples: {track: string, title: string, why: string}[]}} at_risk
 * @property {{blobs: number, bytes: number, left_s: number | null, from: Incoming[]}} queue
 * @property {Transfer[]} transfers  on their way at this moment
 * @property {{rate_bytes_per_s: number, limit_bytes_per_s: number}} download
 * @property {{rate_bytes_per_s: number, limit_bytes_per_s: number, total_bytes: number, to: Outgoing[]}} upload
 * @property {Upload[]} uploads  going out at this moment, the fastest first
 * @property {{wish: "keep" | "free", kind: string, id: string}[]} wishes
 * @property {{blobs: number, unseen: {name: string, seen_ms: number | null}[]}} removed  over 30 days ago, and still here; the devices it waits for
 * @property {string} trouble
 */

/** @typedef {{freed_blobs: number, freed_bytes: number, kept: {reason: string, blobs: number}[]}} Freed */

/**
 * @typedef {object} Whereabouts  What this device keeps for the library.
 * @property {() => Promise<Copies>} show
 * @property {(kind: "track" | "album" | "playlist", id: string) => Promise<{tracks: number}>} keep
 * @property {(kind: "track" | "album" | "playlist", id: string) => Promise<Freed>} free
 * @property {(size_bytes: number) => Promise<Freed>} freeSpace
 * @property {(wish: Record<string, number | boolean>) => Promise<void>} limit  budget_bytes, upload_limit, download_limit, pause
 */

/**
 * @typedef {object} Source
 * @property {ReadonlySet<Ability>} can
 * @property {() => Promise<Library>} library
 * @property {(query: TrackQuery, signal?: AbortSignal) => Promise<Page<Track>>} tracks
 * @property {(id: string) => Promise<TrackDetail>} track
 * @property {(query: AlbumQuery, signal?: AbortSignal) => Promise<Page<Album>>} albums
 * @property {(id: string) => Promise<AlbumDetail>} album
 * @property {(query: {offset?: number, limit?: number}, signal?: AbortSignal) => Promise<Page<Artist>>} artists
 * @property {(id: string) => Promise<ArtistDetail>} artist
 * @property {() => Promise<Page<Genre>>} genres
 * @property {(text: string, limit: number, signal?: AbortSignal) => Promise<Found>} search
 * @property {(id: string) => Promise<Lyrics | null>} lyrics  null: this track has none
 * @property {(id: string, size: 96 | 256 | 512 | 1024) => string} coverUrl  a cover's id; usable at once in <img>
 * @property {(id: string, rendition: Rendition) => string} streamUrl  a track's id; usable at once in <audio>
 * @property {(id: string, rendition: Rendition) => Promise<string>} [whyNot]  what keeps a track from playing; "" if nothing does
 * @property {(listener: (event: SourceEvent) => void) => () => void} subscribe  returns its own undoing
 * @property {() => Promise<Status>} status
 * @property {() => Promise<{words: string[]} & Beside | null>} phrase  the 24 words; null once confirmed
 * @property {() => Promise<number[]>} phraseChallenge  three positions, counted from 1
 * @property {(words: Record<number, string>) => Promise<void>} confirmPhrase  rejects with code "invalid" on a wrong word
 * @property {(id: string) => Promise<void>} hideTrack
 * @property {(path: string, sure?: boolean) => Promise<Folder>} addFolder  a whole home folder or drive only if `sure`
 * @property {(id: string) => Promise<void>} removeFolder
 * @property {(id: string, path: string) => Promise<void>} moveFolder
 * @property {(tracks: string[] | null, dir: string) => Promise<Job>} exportTracks  null: everything
 * @property {(repair: boolean) => Promise<Job>} verify
 * @property {() => Promise<string[]>} signOut  what couldn't be erased here, in words for the person; empty: nothing is left
 * @property {Keeping} [keeping]  with the ability "keep"
 * @property {Personal} [personal]  with the abilities "star" and "plays"
 * @property {Playlists} [playlists]  with the ability "playlists"
 * @property {Whereabouts} [copies]
 * @property {Seeds} [seeds]  where the library's seeds are attended
 * @property {Devices} [devices]  with the ability "devices"
 * @property {Continuing} [continuing]
 * @property {Apps} [apps]  where music apps of others can sign in
 */

export {};
