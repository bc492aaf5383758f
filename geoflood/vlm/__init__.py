"""What a vision-language model is asked, and what is believed of its answers.

Three layers, the later on the earlier:

- carrying a question to a server: `client`, `ollama_backend`, `openai_backend`, `pool`, `cache`, `connect`
- the questions and how answers are parsed: `prompts`, `answer_formats`, `canvas`, `retries`
- what follows from the answers: `attention`, `attend`, `verify`, `probe`, and `stage`, which joins them

An answer that cannot be used ends as a neutral map, or as "cannot say", with the reason. Nothing is made up.
"""
