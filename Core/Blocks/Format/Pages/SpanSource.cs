namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>A source of spans for a block: the dictionary that their shapes refer to, and its translation to the page being built.</summary>
internal sealed class SpanSource
{
    private readonly ShapeTranslator _translator = new();
    private SpanDictionary? _dictionary;
    private int _page = -1;

    /// <summary>The spans that follow use this dictionary, which may be the same one with new content.</summary>
    public void Use(SpanDictionary dictionary)
    {
        _dictionary = dictionary;
        _page = -1;
    }

    /// <summary>The shape's number in the page's dictionary.</summary>
    /// <param name="shape">The shape's number in this source's dictionary.</param>
    /// <param name="page">The number of the page; each page has its own dictionary.</param>
    /// <param name="pageDictionary">The page's dictionary.</param>
    public int Translate(int shape, int page, SpanDictionary pageDictionary)
    {
        if (_page != page)
        {
            _translator.Begin(_dictionary!, pageDictionary);
            _page = page;
        }

        return _translator.Translate(shape);
    }
}
