namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>Where spans come from that are written to a block: a dictionary that their shapes are numbers of, and how they translate to the page being made.</summary>
internal sealed class SpanSource
{
    private readonly ShapeTranslator _translator = new();
    private SpanDictionary? _dictionary;
    private int _page = -1;

    /// <summary>From now on spans come with this dictionary, or with the same one changed.</summary>
    public void Use(SpanDictionary dictionary)
    {
        _dictionary = dictionary;
        _page = -1;
    }

    /// <summary>The number that a shape has in the page's dictionary.</summary>
    /// <param name="shape">The shape's number in this source's dictionary.</param>
    /// <param name="page">Counts the pages; another page has another dictionary.</param>
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
