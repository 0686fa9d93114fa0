"""Beginnings that a visitor would type: in none of the rows, and not about sums."""

ORDINARY = tuple(
    """The dog ran to the park and
My brother likes to
It was raining, so we
Anna opened the door and saw
The old man sat by the window and
On Sunday morning, the children
I went to the shop to buy
She was very happy because
The cat jumped on the table and
After dinner, Tom and his sister
We took the train to the sea and
The teacher asked the class to
In the garden there was a
Grandmother baked a cake for
When the sun came up, the farmer
He looked at the picture and
The little bird could not
Last summer my friends and I
Lucy lost her red hat in the
The baker gets up early to
Every day after school, Ben
The river was cold, but the boys
My favorite animal is
There is a small house near the
They walked through the forest until
The doctor told him to
Sam and Lily are going to
At night the city
The horse was tired, so
I want to learn how to
The bus was late again, and
Peter found a letter under the
The baby slept while her mother
Once there was a king who
A woman came into the library and
The boat was too small for
For her birthday, Maria wanted
The wind was so strong that
Nobody knew why the lights
Before going to bed, Jack""".split("\n")
)
