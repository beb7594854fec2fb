"""Grammar of the built-in sample: the words and sentence patterns of six emotions.

Bars separate alternatives. `{place}` becomes one alternative of that rule. `{X}` and `{Y}` are two emotions in the
same form: the sentence has the label of X, whichever comes first.
"""

# Words that can follow "I am", "I was" and "so".
STATES = {
    "anger": "angry|furious|livid|annoyed|irritated|outraged|enraged|bitter|resentful|fed up|indignant"
    "|mad at everyone|wild with rage|sick of them all|offended|hostile|cross|exasperated|incensed|infuriated",
    "fear": "afraid|scared|terrified|frightened|anxious|nervous|worried|panicky|petrified|uneasy|fearful"
    "|apprehensive|sick with worry|scared to death|full of dread|on edge|afraid of the dark|alarmed|jittery"
    "|horrified",
    "joy": "happy|glad|delighted|cheerful|joyful|thrilled|overjoyed|elated|pleased|content|ecstatic"
    "|over the moon|excited|gleeful|jubilant|full of joy|happy for everyone|blissful|light-hearted|merry",
    "love": "in love|smitten|devoted|affectionate|full of love|full of tenderness|infatuated|besotted|adoring"
    "|fond of them all|tender|lovestruck|enamoured|head over heels|full of affection|deeply attached"
    "|crazy about her|sweet on him|devoted to her",
    "sadness": "sad|miserable|heartbroken|unhappy|lonely|gloomy|depressed|devastated|sorrowful|hopeless"
    "|crushed|empty inside|full of grief|close to tears|downhearted|despondent|wretched|melancholy|dejected"
    "|inconsolable",
    "surprise": "surprised|amazed|astonished|stunned|startled|speechless|dumbfounded|taken aback|astounded"
    "|flabbergasted|lost for words|full of wonder|staggered|bewildered|caught off guard|thunderstruck|dazed",
}
NOUNS = {
    "anger": "anger|rage|fury|irritation|resentment|bitterness|indignation|annoyance|outrage|hostility",
    "fear": "fear|dread|terror|panic|anxiety|worry|alarm|unease|fright|nervousness",
    "joy": "joy|happiness|delight|gladness|elation|contentment|bliss|glee|excitement|cheerfulness",
    "love": "love|affection|tenderness|devotion|adoration|fondness|passion|infatuation|ardour|attachment",
    "sadness": "sadness|grief|sorrow|misery|despair|gloom|melancholy|loneliness|heartache|unhappiness",
    "surprise": "surprise|astonishment|amazement|disbelief|wonder|bewilderment|incredulity|wonderment",
}
# Deeds out of a feeling that the words do not name.
DEEDS = {
    "anger": "I slammed the door|I shouted at them all|I clenched my fists|I tore the letter to pieces"
    "|I kicked the chair|I threw a plate at the wall|I swore under my breath|I banged my fist on the table"
    "|I told them to get out|I screamed at my {kin}|I ground my teeth|I wrote a very rude reply"
    "|I hung up on him|I stamped out of the room|I crossed them all off my list",
    "fear": "I shook all over|my hands trembled|I checked the lock three times|I hid under the blanket"
    "|my heart pounded|I froze on the spot|I held my breath and listened|my knees gave way"
    "|I switched on every light|I broke out in a cold sweat|I ran without looking back"
    "|I begged my {kin} not to leave me alone|I locked myself in the bathroom|my teeth chattered"
    "|I called for help in a whisper",
    "joy": "I danced around the kitchen|I smiled and smiled|I sang at the top of my voice|I laughed out loud"
    "|I jumped up and down|I whistled a tune|I bought cake for everyone|I grinned from ear to ear"
    "|I skipped down the stairs|I cheered till I was hoarse|I opened the good wine|I threw my hat in the air"
    "|I hugged everyone in sight|I clapped my hands|I hummed along with the radio",
    "love": "I held her close|I kissed him on the forehead|I held her hand for an hour|I stroked his hair"
    "|I wrote her name on every page|I put my arms around him|I gazed at her|I gave him my whole heart"
    "|I longed to be near her|I carved our names in a tree|I cradled my little girl"
    "|I whispered sweet things to him|I picked flowers for her|I knitted him a scarf|I snuggled up to him",
    "sadness": "I cried into my pillow|I wept|I sat alone in the dark|tears ran down my face"
    "|I stared at the empty chair|I hung my head|I sobbed on the stairs|I left my plate untouched"
    "|I turned my face to the wall|I listened to her last message again|I mourned"
    "|I put the photographs away and cried|I buried my face in my hands|I choked back tears"
    "|I lit a candle at the grave",
    "surprise": "my jaw dropped|I blinked twice|I rubbed my eyes|I read it three times over|I gasped"
    "|I asked them to say it again|I pinched myself|I did a double take|my eyebrows shot up"
    "|I stood there with my mouth open|I nearly fell off my chair|I forgot what I was saying"
    "|I dropped my cup and stared|I looked round for the hidden camera"
    "|I checked the date to see if it was a joke",
}
# Events that do not name a feeling; all can follow "because".
SCENES = {
    "anger": "my {kin} read my messages without asking|they lied to me about {topic} again"
    "|he cheated and laughed in my face|the landlord kept the deposit over a scratch on the {furniture}"
    "|somebody parked across our gate for the third time"
    "|my {kin} borrowed my {thing} and brought it back broken|the man on the phone hung up on me twice"
    "|a stranger pushed past me at {place} and called me names|he took all the credit for my work"
    "|they cut our pay and gave the directors a bonus|she interrupted me every time I opened my mouth"
    "|the people upstairs played loud music until four"
    "|nobody lifted a finger and then they complained about {topic}"
    "|my {kin} blamed me for {topic} in front of everyone"
    "|they promised to call back about {topic} and never did|the queue was an hour long and someone pushed in"
    "|they dug up the road under my window at five|the shop would not take back the broken {thing}"
    "|my {kin} told everyone what I had said in private",
    "fear": "footsteps followed me all the way from {place}"
    "|something moved behind the {furniture} in the dark|the plane dropped and the lights went out"
    "|the brakes did not answer on the hill|the ice cracked under my feet"
    "|I have to speak in front of four hundred people"
    "|there was a shadow at the window and I was alone in the house"
    "|the dog bared its teeth and the gate was open|my {kin} did not come home and the phone was dead"
    "|the noise in the cellar started again|they say that we may all lose our jobs over {topic}"
    "|the lift stopped between two floors and nobody answered"
    "|someone was turning the door handle at three in the morning"
    "|the doctor would not say what was wrong with my {kin}|the storm was coming and the roof would not hold"
    "|a stranger was waiting by my car at night|the fire alarm went off and the stairs were dark"
    "|the current pulled me away from the shore|I may have left the gas on and nobody is at home",
    "joy": "we won the match in the last minute|the baby laughed for the first time|I passed the test at last"
    "|my {kin} is coming to stay for the holidays|the sun came out and we had breakfast in the garden"
    "|I got the job that I had hoped for|we danced to the old records of my {kin}"
    "|we all sang on the way back from {place}|I finished my first marathon"
    "|the doctor said that my {kin} is well again|my roses won first prize at the fair"
    "|we swam in the lake and ate cherries till dark|the scans all came back clear"
    "|there was cake and music at {place}|the children are on holiday and the garden is in bloom"
    "|the first snow fell and we built a snowman|my {kin} and I have tickets for the big concert"
    "|the strawberries are ripe and school is out|our little shop had its best day ever",
    "love": "she fell asleep with her head on my shoulder|he still saves the last piece of cake for me"
    "|I would cross an ocean to be with him|we have held hands at every film for thirty years"
    "|I keep her letters under my pillow|he warms my side of the bed before I come up"
    "|I watch my little girl sleep and would give her the world"
    "|her voice is the first thing I want to hear every day|he learned my language just to talk to my {kin}"
    "|she is the one I want to grow old with|he kissed me at {place} and tucked his scarf round me"
    "|every song on the radio is about her and me|I asked her to marry me at {place}"
    "|we cannot bear to be apart for a day|he looks at me as if there were no one else"
    "|we still write each other notes after all these years|I learned to bake only to see her eyes light up"
    "|he carried me over the stream so that my feet stayed dry"
    "|there is room for no one but her in my thoughts",
    "sadness": "we buried my {kin} on a grey morning|the basket of our dog has been empty since spring"
    "|her place at the table is still there and nobody sits in it|nobody came to my birthday at {place}"
    "|the letter said that it was over between us|I packed his clothes into boxes for the charity shop"
    "|they are closing the school where I taught all my life|my best friend moved away and does not write"
    "|I ate alone again in front of the television|the nurse turned off the machine and closed the door"
    "|I have not heard from my {kin} since the funeral|we had to sell the house where I grew up"
    "|the child asked when grandpa was coming back|our old cat did not wake up this morning"
    "|I miss my {kin} more every day|the nurse gave me a bag with his things"
    "|the swing in the yard has not moved since she left|they took our names off the door of the old flat"
    "|the last letter that I wrote to him came back unopened",
    "surprise": "the lights went on and fifty people jumped up from behind the {furniture}"
    "|it snowed in the middle of June|my {kin} stood at the door after eleven years without a word"
    "|out of nowhere my {kin} announced a move to Peru|I opened my {thing} and found a live frog inside"
    "|a stranger had already paid the bill|the shy boy from the back row turned out to be a champion"
    "|the magician pulled my own watch out of a lemon"
    "|the woman next to me at {place} had my name and my birthday"
    "|nobody had told me that the party was for me|my name was read out and I had not even entered"
    "|I found a painting worth a fortune behind the {furniture}"
    "|my {kin}, who never cooks, made a dinner of six courses"
    "|the parcel that I posted nine years ago came back|the man I took for the cleaner was the new director"
    "|my {kin} was the last person I thought I would meet at {place}|the taxi driver began to sing an opera"
    "|they had painted the whole house blue while I was out"
    "|the box in the attic was full of coins from another century",
}
# Patterns with one emotion: by its name, and without it.
NAMED = (
    "I feel {state}|I feel {very} {state} {now}|I am so {state} {now}|I am {state} because {scene}"
    "|I felt {very} {state} {setting}|I was so {state} that {deed}|{scene} and I am {very} {state}"
    "|my heart is full of {noun} {now}|a wave of {noun} came over me {setting}|I have never been so {state}"
    "|I could not hide my {noun} because {scene}|nobody was more {state} than me {setting}"
    "|there is no word for the {noun} that I felt {setting}|my {kin} saw that I was {state} {setting}"
    "|I am not only {state}, I am utterly {state}|I cannot help being {state} {now}"
    "|when {event} I was {very} {state}|{scene}, and that is why I feel such {noun}"
)
UNNAMED = (
    "{scene}|{scene}, and {deed}|{scene}, so {deed}|{deed} {time}|{time} {deed}|{deed} because {scene}"
    "|{deed}, and then {deed}"
)
# Patterns with two emotions. Nearly every pattern has a mirror image of the same words: only their order counts.
STATE_PAIRS = (
    "I was {Y} at first, but now I am {X}|now I am {X}, but at first I was {Y}"
    "|at first I was {Y} {setting} and now I am just {X}|I thought I would be {Y}, yet I am {X}"
    "|I am {X}, yet I thought I would be {Y}|I am {X} and not {Y}|I am not {Y} any more, I am {X}"
    "|I am {X}, I am not {Y} any more|I was not {Y} {setting}, but {X}|I was {X} {setting}, but not {Y}"
    "|I am more {X} than {Y}|I am less {Y} than {X}|I was far more {X} than {Y} {setting}"
    "|I arrived {Y} and left {X}|I left {X}, having arrived {Y}|before I was {X} I was {Y}"
    "|I was {Y} before I was {X}|my {kin} was {Y} {setting}, but I was {X}"
    "|I was {X} {setting}, but my {kin} was {Y}|I seem {Y}, but underneath I am {X}"
    "|underneath I am {X}, but I seem {Y}|I went from {Y} to {X} {setting}"
    "|I ended up {X}, though I had started out {Y}|I started out {Y} and ended up {X}"
    "|I used to be {Y}, and these days I am {X}|these days I am {X}, and I used to be {Y}"
    "|I am {X} instead of {Y}|I am too {X} to be {Y}|I cannot be {Y}, I am too {X}"
    "|I should be {Y} {now}, but no, I am {X}|I am {X} {now}, but I should be {Y}"
    "|I was {X} rather than {Y} {setting}|I pretended to be {Y} {setting}, but really I was {X}"
    "|really I was {X} {setting}, but I pretended to be {Y}|I was {Y} until {event}, and then I was {X}"
    "|when {event} I stopped being {Y} and was {X}"
)
NOUN_PAIRS = (
    "my {Y} gave way to {X} {setting}|{X} took the place of my {Y} {setting}"
    "|it was not {Y} but {X} that I felt {setting}|it was {X} and not {Y} that I felt {setting}"
    "|I felt {X} more than {Y} {setting}|I felt less {Y} than {X} {setting}"
    "|what began as {Y} turned into {X} {setting}|{Y} turned into {X} when {event}"
    "|instead of {Y} I feel {X} {now}|the {Y} is gone and the {X} is still here"
    "|the {X} is still here and the {Y} is gone|I feel {X} instead of {Y} {now}"
    "|I took it for {Y}, but it was {X}|it was {X}, but I took it for {Y}|{X} drove out my {Y} when {event}"
    "|where there was {Y} there is now {X}|there is now {X} where there was {Y}"
    "|my {kin} felt {Y} {setting}, and I felt {X}|I felt {X} {setting}, and my {kin} felt {Y}"
    "|before the {X} there was a moment of {Y}|after a moment of {Y} there was only {X}"
    "|there was only {X} after a moment of {Y}|I hid my {X} behind a show of {Y}"
    "|behind a show of {Y} I hid my {X}|my {Y} was swallowed up by {X} {setting}"
)
DEED_PAIRS = (
    "at first {Y}, but in the end {X}|in the end {X}, but at first {Y}|{Y}, and then {event} and {X}"
    "|before {X}, {Y}|{Y} before {X}|after {Y}, {X}|{X}, but that was after {Y}"
    "|{Y} in the morning, but by the evening {X}|by the evening {X}, but {Y} in the morning"
)
# Words that say nothing about the emotion. They shift the position of all that follows.
NEUTRAL = {
    "kin": "sister|brother|mother|father|cousin|aunt|uncle|neighbour|flatmate|friend|daughter|son|colleague"
    "|grandmother|boss|niece|nephew|teacher",
    "place": "the station|the office|the market|the library|the harbour|the old bridge|the cinema|the beach"
    "|the bakery|the museum|the town hall|the garage|the swimming pool|the bus stop",
    "thing": "bicycle|suitcase|camera|guitar|umbrella|laptop|rucksack|trumpet",
    "furniture": "sofa|piano|cupboard|curtain|wardrobe|bookcase",
    "topic": "the trip|the money|the report|the party|the contract|the new kitchen|the exam|the car"
    "|the concert|the dinner|the interview|the fence|the garden",
    "event": "the letter came|the bus arrived|my {kin} called|the door opened|they read out the names"
    "|we got to {place}|I heard the news|my {kin} told me the rest|the film ended|I saw the photographs"
    "|the phone rang|the music began|the shop closed|it began to rain",
    "now": "today|this week|these days|tonight|since the phone call|since the letter came"
    "|whenever I think of {place}|whenever my {kin} visits|when I think of {topic}|again",
    "time": "this morning|last night|yesterday|the other day|after the phone call|when {event}"
    "|after the talk with my {kin}|when we talked about {topic}",
    "setting": "{time}|at the wedding|on the train home|when {event}|during the meeting|all through dinner"
    "|while I waited at {place}|on the way to {place}|the whole weekend|as we left {place}"
    "|when we talked about {topic}",
    "very": "really|truly|simply|suddenly|utterly|just|quite",
    "lead": "honestly, |to be honest, |well, |believe it or not, |do not ask me why, "
    "|all I can say about {topic} is that |I told my {kin} that |I wrote in my diary that "
    "|as far as I can tell, |if anyone asks, |I was on the phone with my {kin} when I realised that "
    "|it has been a long week, and |we talked about it for hours, my {kin} and I, and "
    "|my {kin} asked how it went, and the truth is that |looking back on {topic}, I would say that "
    "|on the way home from {place} I told my {kin} that |as I said to my {kin}, |let me put it plainly, "
    "|what I did not tell my {kin} is that |the short version is that |no matter what they say at {place}, ",
    "tail": ", and that is the whole story|, and that is how it is|, and I cannot explain it"
    "|, and my {kin} knows it|, or so it seems to me|, whatever my {kin} says|, for what it is worth"
    "|, and nobody knows but my {kin}|, if that makes sense|, and it has to do with {topic}"
    "|, and a walk to {place} did not change that|, and I told nobody at {place}",
}
