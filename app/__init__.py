"""The Streamlit shell, a room a feature. No room imports another; what two need is in `shared`."""
