from streamlit.testing.v1 import AppTest


def said(script):
    return [text.value for text in AppTest.from_function(script).run().text]


def test_the_part_of_an_address_is_that_of_its_own_image_and_gives_way_to_what_is_framed():
    def script():
        import streamlit as st

        from app.session.uploads import Upload
        from app.widgets.image.state import SOURCE, begin_with_square, drop_linked_square, keep_square, square_of

        SOURCE.set("folder")
        cat, dog = Upload("cat.png", "1", b""), Upload("dog.png", "2", b"")
        keep_square(dog, (5.0, 6.0, 7.0))
        begin_with_square("cat.png", (1.0, 2.0, 3.0))
        st.text([square_of(cat), square_of(dog)])
        keep_square(cat, (4.0, 4.0, 4.0))
        st.text(square_of(cat))
        st.text([drop_linked_square(dog), drop_linked_square(cat), drop_linked_square(cat)])

    assert said(script) == ["[(1.0, 2.0, 3.0), None]", "(4.0, 4.0, 4.0)", "[False, True, False]"]
