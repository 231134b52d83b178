"""The labels, and the rules that assign labels and source to a path in a Debian package.

A rule is (package, pattern on the path, positive labels, unknown labels, source). The source names
the independent recording, speaker or composer: a source is never on both sides of the split.
`\\1` in a source is the pattern's group; `<stem>` is the file name without its digits and extension.
A label that may or may not be audible is *unknown*: it takes no part in the loss or the evaluation.
"""

LABELS = [
    "Speech",
    "Screaming",
    "Animal",
    "Music",
    "Piano",
    "Percussion",
    "Vehicle",
    "Tools",
    "Water",
    "Siren",
    "Alarm",
    "Sine wave",
    "Noise",
    "Silence",
    "Effect",
]
# "Effect" is any other sound (steps, doors, glass, weapons, thunder, fire, chimes of programs): a negative for the rest.

# The labels of the shipped model: those of LABELS that reached an average precision of 0.6 on *validation* sources,
# have five independent test sources or more, and held 0.6 on the test too. The others are trained and removed.
SHIPPED = ["Speech", "Music", "Percussion", "Siren", "Alarm", "Sine wave", "Noise", "Silence"]
DROPPED_BECAUSE = (
    "Vehicle (0.13), Tools (0.13) and Water (0.49) stayed under an average precision of 0.6 on validation sources; Piano has "
    "none there. Screaming and Animal pass it (0.74, 0.75; 0.92 and 0.86 in the first training), but reached only 0.55 and 0.40 "
    "on the test set when the first training was scored with ten labels (mean AP 0.86, 0.82 to 0.91; the MLP 0.74, 0.70 to "
    "0.81), and were removed then. Effect is what no label of ours is, and a negative for all.")

# Trained beside the labels and removed from the shipped model: they teach the base to distinguish rhythms.
AUXILIARY = ["kind: " + kind for kind in (
    "Smoke alarm", "Carbon monoxide alarm", "Siren, wail", "Siren, yelp", "Siren, hi-lo",
    "Reversing beeper", "Telephone", "Continuous alarm")]
TARGETS = LABELS + AUXILIARY
INDEX = {name: i for i, name in enumerate(TARGETS)}

# Labels that are synthesised only.
SYNTHETIC = ["Siren", "Alarm", "Sine wave", "Noise", "Silence"]

MUSIC_UNKNOWN = ["Piano", "Percussion"]

HUMANS = (
    "archer|archmage|axe_thrower|guard|horseman|swordman|technician|worker|warrior|spearman|"
    "shaman|stickfighter|battlemage|initiate|summoner|valkyrie|princess|carpet|genie"
)

RULES = [
    # Speech: one speaker a language. The English and Spanish prompts share one speaker.
    ("asterisk-core-sounds-(en|es)-wav", r".*\.wav$", ["Speech"], [], "speaker:allison-smith"),
    ("asterisk-core-sounds-fr-wav", r".*\.wav$", ["Speech"], [], "speaker:june-wallack"),
    ("asterisk-core-sounds-it-wav", r".*\.wav$", ["Speech"], [], "speaker:carlo-flora"),
    ("asterisk-core-sounds-ru-wav", r".*\.wav$", ["Speech"], [], "speaker:maxim"),
    ("0ad-data", r"voice/(\w+)/civ/civ_(male|female)", ["Speech"], [], r"speaker:0ad-\1-\2"),
    # Screaming: death cries of people.
    ("0ad-data", r"human/death/(male_death|female_death|death)", ["Screaming"], ["Speech"], r"0ad:\1"),
    ("megaglest-data", rf"/({HUMANS})_die\d*\.wav", ["Screaming"], ["Speech"], r"megaglest:\1-die"),
    ("supertuxkart-data", r"sfx/(WilhelmScream)", ["Screaming"], [], r"stk:\1"),
    # Animals: one source a species and package.
    ("0ad-data", r"voice/global/civ_dog", ["Animal"], [], "0ad:dog"),
    ("0ad-data", r"fauna/animal/([a-z]+)_", ["Animal"], [], r"0ad:\1"),
    ("0ad-data", r"fauna/death/(?:death_)?([a-z]+)_\d", ["Animal"], [], r"0ad:\1"),
    ("0ad-data", r"mounted/death/death_(horse)", ["Animal"], [], r"0ad:\1"),
    ("megaglest-data", r"/(wolf|hawk|owl|rooster|mudchute_cow)[_\d]*\.\w+$", ["Animal"], [], r"megaglest:\1"),
    ("megaglest-data", r"/(chicken|sheep|pig|cow|bull)_\w+\.wav", ["Animal"], [], r"megaglest:\1"),
    ("megaglest-data", r"/(chicken|sheep|ele|bee)(?:attack)?\d+\.wav", ["Animal"], [], r"megaglest:\1"),
    ("supertuxkart-data", r"/(sheep|cow|exotic-birds)[_\d]*\.ogg", ["Animal"], [], r"stk:\1"),
    ("sonic-pi-samples", r"/(misc_crow)", ["Animal"], [], r"sonic-pi:\1"),
    ("openttd-opensfx", r"^(36|37|38|67|68)$", ["Animal"], [], r"opensfx:\1"),
    ("openttd-opensfx", r"^(66|72)$", ["Animal"], [], "opensfx:bird"),
    # Music: one source a track, or a composer where a package is one composer's.
    ("0ad-data", r"audio/music/(.*)\.ogg", ["Music"], MUSIC_UNKNOWN, r"0ad-music:\1"),
    ("megaglest-data", r"/music/(.*)\.ogg", ["Music"], MUSIC_UNKNOWN, r"megaglest-music:\1"),
    ("supertuxkart-data", r"data/music/(.*?)(?:_fast|_f)?\.ogg", ["Music"], MUSIC_UNKNOWN, r"stk-music:\1"),
    ("lomiri-sounds", r"ringtones/(?!Alarm|Melody piano|Melody_piano)(.*)\.ogg", ["Music"], MUSIC_UNKNOWN, r"lomiri:\1"),
    ("lomiri-sounds", r"ringtones/(Melody.piano)\.ogg", ["Music", "Piano"], [], r"lomiri:\1"),
    ("singularity-music", r".*\.ogg$", ["Music"], MUSIC_UNKNOWN, "composer:max-mccracken"),
    ("asterisk-moh-opsound-wav", r"/(macroform|manolo_camp|reno_project)", ["Music"], MUSIC_UNKNOWN, r"composer:\1"),
    ("sonic-pi-samples", r"/(guit|ambi_choir|ambi_glass)", ["Music"], [], r"sonic-pi:\1"),
    ("sonic-pi-samples", r"/(ambi_piano)", ["Music", "Piano"], [], r"sonic-pi:\1"),
    # Percussion: one source a kit (one recordist), or a loop.
    ("sonic-pi-samples", r"/(drum|tabla)_", ["Music", "Percussion"], [], r"sonic-pi:\1"),
    ("sonic-pi-samples", r"/(bd_\w+|sn_\w+|loop_amen|loop_breakbeat|loop_tabla|loop_perc)", ["Music", "Percussion"], [], r"sonic-pi:\1"),
    # Vehicles: engines, horns, trains, aircraft.
    ("openttd-opensfx", r"^(4|5)$", ["Vehicle"], [], "opensfx:steam-horn"),
    ("openttd-opensfx", r"^(6|7)$", ["Vehicle"], [], "opensfx:ship-horn"),
    ("openttd-opensfx", r"^(8|9|10|24|25|27|28|35|59|61|65|69|71)$", ["Vehicle"], [], r"opensfx:\1"),
    ("supertuxkart-data", r"/(airplane_jetEngine|car_accel|car_revup|engine_large|engine_small|steamLocomotive|skid|horn)\.ogg", ["Vehicle"], [], r"stk:\1"),
    # Tools: chopping, sawing, hammering, digging.
    ("0ad-data", r"resource/(?:construction|mining|lumbering|farming)/(con_saw|con_wood|con_stone|mine_metal|mine_stone|lumber_tree|hoe)_", ["Tools"], [], r"0ad:\1"),
    ("megaglest-data", r"/(worker_mine|technician_mine|anvil|technician_build|worker_build|worker_harvest_wood|shaman_build|initiate_build)\d*\.wav", ["Tools"], [], r"megaglest:\1"),
    ("supertuxkart-data", r"sfx/(hammer|anvil)\.ogg", ["Tools"], [], r"stk:\1"),
    ("openttd-opensfx", r"^(33|39|40|55|56)$", ["Tools"], [], r"opensfx:\1"),
    # Water: rain, streams, waves.
    ("0ad-data", r"ambient/water/(river|waterfall|wave)", ["Water"], [], r"0ad:\1"),
    ("0ad-data", r"ambient/weather/(rain)", ["Water"], [], r"0ad:\1"),
    ("megaglest-data", r"tilesets/(\w+)/sounds/rain", ["Water"], [], r"megaglest:rain-\1"),
    ("megaglest-data", r"water_sounds/(water)", ["Water"], [], r"megaglest:\1"),
    ("supertuxkart-data", r"sfx/(rain|river_loop|waterfall_loop_2|splash)\.ogg", ["Water"], [], r"stk:\1"),
    # Noise from recordings.
    ("sonic-pi-samples", r"/(vinyl_hiss)", ["Noise"], [], r"sonic-pi:\1"),
    ("supertuxkart-data", r"sfx/(static-radio)", ["Noise"], [], r"stk:\1"),
    # Packages that were added for negatives and single words. None of their sources takes part in the draw of split():
    # those of HELD_OUT_PACKAGES are for the test, the others for training.
    ("gcin-voice", r"/5\.ogg$", ["Speech"], [], "speaker:chu-lo"),
    ("redeclipse-data", r"sounds/announcer/(?!alert|warning)", ["Speech"], [], "speaker:redeclipse-announcer"),
    ("redeclipse-data", r"sounds/voice/(?!argh|boom|haha|pzap)\D+(?<!\d)\.ogg", ["Speech"], [], "speaker:redeclipse-1"),
    ("redeclipse-data", r"sounds/voice/(?!argh|boom|haha|pzap)\D+2\.ogg", ["Speech"], [], "speaker:redeclipse-2"),
    ("redeclipse-data", r"ambience/(?:morph/)?(creek|river|waterfall|water|cavedrip|rain|stormrain)\w*\.ogg", ["Water"], [], r"redeclipse:\1"),
    ("redeclipse-data", r"sfx/(splashin|splashout|splosh|underwater)\d*\.ogg", ["Water"], [], r"redeclipse:\1"),
    ("redeclipse-data", r"ambience/(cycadas|nightcrickets|forest\d)\.ogg", ["Animal"], ["Noise"], r"redeclipse:\1"),
    ("redeclipse-data", r"ambience/(distant_cars)\.ogg", ["Vehicle"], ["Noise"], r"redeclipse:\1"),
    ("redeclipse-data", r"ambience/(?:morph/)?(fire|machine\d*|door|pneumatic|switch|jumppad\d*|stormbolts)\.ogg", ["Effect"], ["Noise"], r"redeclipse:\1"),
    ("redeclipse-data", r"ambience/(?:morph/)?(\w*wind\d?|vapour)\.ogg", ["Effect"], ["Noise"], r"redeclipse:\1"),
    ("redeclipse-data", r"sounds/player/(footstep|concstep|swimstep|land|jump)\d*\.ogg", ["Effect"], [], r"redeclipse:\1"),
    ("redeclipse-data", r"sounds/sfx/(bounce|burn\w*|debris|damage|extinguish|shell)\d*\.ogg", ["Effect"], ["Noise"], r"redeclipse:\1"),
    ("redeclipse-data", r"sounds/weapons/(?:(\w+)/)?(explode|primary|secondary|reload|thud|thwack|ricochet|singe|burn)\d*\.ogg", ["Effect"], ["Noise"], r"redeclipse:\1-\2"),
    ("minetest-data", r"mods/default/sounds/default_(water|cool_lava)", ["Water"], [], r"minetest:\1"),
    ("minetest-data", r"mods/default/sounds/default_(dig_choppy|dig_cracky|dig_metal|dug_metal)", ["Tools"], [], r"minetest:\1"),
    ("minetest-data", r"mods/default/sounds/(?:default|player)_(\D+?)[\d.]*\.ogg", ["Effect"], [], r"minetest:\1"),
    ("minetest-data", r"mods/(fire|carts)/sounds/", ["Effect"], ["Noise"], r"minetest:\1"),
    ("endless-sky-data", r"sounds/(?:(?:atomic|plasma|ion) .*)\.wav", ["Vehicle"], ["Noise"], "endless-sky:engines"),
    ("endless-sky-data", r"sounds/(?!alarm|fail|pulse|scan|hyperdrive|jump)([a-z]+).*\.wav", ["Effect"], ["Noise"], r"endless-sky:\1"),
    ("freeorion-data", r"combat/([a-z]+).*\.ogg", ["Effect"], ["Noise"], r"freeorion:\1"),
    ("freeorion-data", r"sound/(?!alert|artificial)(\w+?)(?:_select|_click|_rollover)?\.ogg", ["Effect"], ["Alarm", "Music", "Sine wave"], r"freeorion:\1"),
    ("sound-theme-freedesktop", r"stereo/(bell|camera-shutter|trash-empty|screen-capture|message|complete|device-\w+|dialog-\w+|power-\w+)\w*\.oga", ["Effect"], ["Alarm", "Music", "Sine wave", "Percussion", "Piano"], r"freedesktop:\1"),
    ("wordwarvi-sound", r"sounds/(metalbang|stonebang|clang|\w*explosion|\w*bomb\w*|flak\w*|gunwheel\w*|jetwash|rocket\w*|missile_launch\w*|toyota\w*|us_quarter|volcano\w*|tesla\w*|zzzt|synthetic\w*)\d*\.ogg", ["Effect"], ["Noise"], r"wordwarvi:\1"),
    # Held out, every file.
    ("asterisk-prompt-fr-armelle", r".*\.gsm$", ["Speech"], [], "speaker:armelle-desjardins"),
    ("pocketsphinx-testdata", r"cards/\d+\.wav", ["Speech"], [], "speaker:pocketsphinx-cards"),
    ("pocketsphinx-testdata", r"librivox/.*\.wav", ["Speech"], [], "speaker:librivox-austen"),
    ("flare-game", r"npcs/(female|male)_merchant", ["Speech"], [], r"speaker:flare-\1"),
    ("unknown-horizons", r"voice/(de|en|fr)/", ["Speech"], [], r"speaker:unknown-horizons-\1"),
    ("flare-game", r"environment/(rain|river_loop|cave_droplets_loop)\.ogg", ["Water"], [], r"flare:\1"),
    ("flare-game", r"environment/(bird_twitter_loop|forest_owl_loop|raven_loop)\.ogg", ["Animal"], [], r"flare:\1"),
    ("flare-game", r"enemies/(antlion|wyvern|minotaur)_", ["Animal"], [], r"flare:\1"),
    ("flare-game", r"environment/(anvil_loop|minecart)\.ogg", ["Tools"], [], r"flare:\1"),
    ("flare-game", r"(?:environment|soundfx)/(falling_rocks|open_fire|stairs|stone_open|wind_loop|cave_wind_loop|door_open|wood_open|melee_attack|heartbeat)\w*\.ogg", ["Effect"], ["Noise"], r"flare:\1"),
    ("flare-game", r"(?:inventory|steps|powers)/(?!warcry|heal|timestop)([a-z]+_?[a-z]*)\d*\.ogg", ["Effect"], ["Noise"], r"flare:\1"),
    ("unknown-horizons", r"sounds/(sheepfield)", ["Animal"], [], r"unknown-horizons:\1"),
    ("unknown-horizons", r"sounds/(lumberjack|smith|stonemason|build)", ["Tools"], [], r"unknown-horizons:\1"),
    ("unknown-horizons", r"(?:sounds|music)/(waves)", ["Water"], ["Noise"], r"unknown-horizons:\1"),
    ("unknown-horizons", r"sounds/(click|flippage|invalid|refresh|windmill|warehouse)", ["Effect"], ["Noise"], r"unknown-horizons:\1"),
    ("yaru-theme-sound", r"stereo/(.*)\.oga", ["Effect"], ["Alarm", "Music", "Sine wave", "Percussion", "Piano"], r"yaru:\1"),
]

# Sources of the packages that were added after the test set was frozen, and those of them that are for tests alone.
ADDED_PACKAGES = {
    "endless-sky-data", "freeorion-data", "gcin-voice", "minetest-data", "redeclipse-data", "sound-theme-freedesktop",
    "wordwarvi-sound", "asterisk-prompt-fr-armelle", "flare-game", "pocketsphinx-testdata", "unknown-horizons", "yaru-theme-sound"}
HELD_OUT_PACKAGES = {"asterisk-prompt-fr-armelle", "flare-game", "pocketsphinx-testdata", "unknown-horizons", "yaru-theme-sound"}

# Whole sources that are for the test alone, whatever the draw says: other speakers, other composers
# and other recordists than any in training.
TEST_SOURCES = {
    "speaker:allison-smith",
    "speaker:0ad-greek-female",
    "speaker:0ad-greek-male",
    "speaker:0ad-persian-male",
    "speaker:0ad-persian-female",
    "composer:max-mccracken",
    "composer:macroform",
    "composer:manolo_camp",
    "composer:reno_project",
    "megaglest-music:manolo_camp-medieval",
    "sonic-pi:ambi_piano",
    "sonic-pi:vinyl_hiss",
    "sonic-pi:drum",
    "stk:static-radio",
}
TRAIN_SOURCES = {
    "speaker:june-wallack",
    "speaker:carlo-flora",
    "speaker:maxim",
    "speaker:0ad-latin-male",
    "speaker:0ad-latin-female",
    "speaker:0ad-napatan-male",
    "speaker:0ad-napatan-female",
    "sonic-pi:tabla",
    "lomiri:Melody piano",
}
# Training speakers that validation keeps (pool.py draws the validation sources of other labels).
VALIDATION_SOURCES = {"speaker:0ad-napatan-male", "speaker:0ad-napatan-female"}
TRAIN_PREFIXES = ("0ad-music:", "megaglest-music:", "lomiri:")
