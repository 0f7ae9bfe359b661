from streamlit.testing.v1 import AppTest


def said(script):
    return [text.value for text in AppTest.from_function(script).run().text]


def test_settings_that_were_changed_are_kept_and_those_without_a_choice_stay():
    def script():
        import streamlit as st

        from app.inspect.state import keep_settings, settings_to_begin_with, viewer
        from cbam_core.viewer import Settings

        usual = Settings()
        keep_settings(usual.changed_by({"opacity": 0.9, "image": "original"}), usual)
        st.text(dict(settings_to_begin_with(viewer("one"))))
        keep_settings(usual, usual, without=["image"])
        st.text(dict(settings_to_begin_with(viewer("two"))))

    assert said(script) == ["{'opacity': 0.9, 'image': 'original'}", "{'image': 'original'}"]


def test_viewers_are_new_widgets_after_an_address_with_other_settings_alone():
    def script():
        import streamlit as st

        from app.inspect.state import begin_with_settings, viewer

        for changes in ({}, {"opacity": 0.9}, {"opacity": 0.9}, {}):
            begin_with_settings(changes)
            st.text(viewer("sample").key)

    assert said(script) == ["sample-viewer-0", "sample-viewer-1", "sample-viewer-1", "sample-viewer-2"]


def test_the_part_of_an_address_is_that_of_its_own_image_and_gives_way_to_what_is_framed():
    def script():
        import streamlit as st

        from app.inspect.state import SOURCE, begin_with_square, drop_linked_square, keep_square, square_of
        from app.session.uploads import Upload

        SOURCE.set("folder")
        cat, dog = Upload("cat.png", "1", b""), Upload("dog.png", "2", b"")
        keep_square(dog, (5.0, 6.0, 7.0))
        begin_with_square("cat.png", (1.0, 2.0, 3.0))
        st.text([square_of(cat), square_of(dog)])
        keep_square(cat, (4.0, 4.0, 4.0))
        st.text(square_of(cat))
        st.text([drop_linked_square(dog), drop_linked_square(cat), drop_linked_square(cat)])

    assert said(script) == ["[(1.0, 2.0, 3.0), None]", "(4.0, 4.0, 4.0)", "[False, True, False]"]
