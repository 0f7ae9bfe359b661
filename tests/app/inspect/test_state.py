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
