"""What a vision-language model is asked, and what is believed of its answers.

Three layers: doors that carry a question to a server (`client`, `ollama_door`, `openai_door`, `pool`,
`cache`), the questions and how their answers read (`prompts`, `forms`, `canvas`), and what comes of
them (`attention`, `verify`, `probe`). Nothing here invents: an answer that cannot be used ends as a
neutral map, or as "cannot say", with the reason.
"""
